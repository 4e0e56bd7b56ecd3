"""The same trial in both worlds: rows of a simulated and a real run joined by policy, task and layout."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.errors import UsageError
from experiments.results import RESULTS_FILE, Result, read
from experiments.summary import label

SIMULATION = "mujoco"  # the backend of simulated rows; every other is taken for real


@dataclass(frozen=True)
class Played:
    """A trial, and the folder that its video lies in."""

    row: Result
    folder: Path

    @property
    def layout(self) -> str:
        """What joins it to the trial of the other world."""
        return json.dumps(self.row.layout, sort_keys=True)

    @property
    def policy(self) -> str:
        """Its policy, and what sets the run apart from a usual one."""
        return label(self.row)


@dataclass(frozen=True)
class Pair:
    """One layout, played by one policy in both worlds."""

    sim: Played
    real: Played


@dataclass(frozen=True)
class Cell:
    """One policy on one task. `sim_only`, `real_only`: trials whose layout the other world has not (yet) seen."""

    env: str
    policy: str
    pairs: tuple[Pair, ...]
    sim_only: tuple[Played, ...]
    real_only: tuple[Played, ...]
    left_out: int  # rows of either world that are no trials: errors, invalid

    def values(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A field of the rows, such as `success` or `progress`: (pairs,) simulated and (pairs,) real."""
        both = [(float(getattr(p.sim.row, name)), float(getattr(p.real.row, name))) for p in self.pairs]
        sim, real = np.array(both).reshape(-1, 2).T
        return sim, real


def load(sim: Sequence[Path], real: Sequence[Path]) -> tuple[Cell, ...]:
    """Cells of every policy and task that both worlds have, in the order of the simulated folders.

    Raises:
        UsageError: a folder without rows; the worlds are swapped; nothing pairs; one policy has other weights in the other
            world; two trials of one policy have one layout.
    """
    return join([p for f in sim for p in rows(f)], [p for f in real for p in rows(f)])


def rows(folder: Path) -> Iterator[Played]:
    """All rows of a run, which has one task or a folder for each."""
    files = [folder / RESULTS_FILE] if (folder / RESULTS_FILE).exists() else sorted(folder.glob(f"*/{RESULTS_FILE}"))
    if not files:
        raise UsageError(f"{folder} holds no {RESULTS_FILE}; give the out= folder of a run")
    for file in files:
        yield from (Played(row, file.parent) for row in read(file))


def join(sim: Sequence[Played], real: Sequence[Played]) -> tuple[Cell, ...]:
    """As `load`, from rows."""
    _check_worlds(sim, real)
    keys = list(dict.fromkeys((p.row.env, p.policy) for p in sim))
    keys = [key for key in keys if any((p.row.env, p.policy) == key for p in real)]
    cells = tuple(_cell(key, *([p for p in side if (p.row.env, p.policy) == key] for side in (sim, real))) for key in keys)
    if not any(cell.pairs for cell in cells):
        told = [", ".join(sorted({f"{p.policy} on {p.row.env}" for p in side})) for side in (sim, real)]
        raise UsageError(
            f"no trial was played in both worlds: sim has {told[0]}; real has {told[1]}. "
            "Run both with the same env=, split=, seed= and shift=, so that they have the same layouts"
        )
    return cells


def _check_worlds(sim: Sequence[Played], real: Sequence[Played]) -> None:
    for name, side, wanted in (("sim", sim, True), ("real", real, False)):
        for played in side:
            if (played.row.backend == SIMULATION) != wanted:
                expected = f"'{SIMULATION}'" if wanted else f"a robot or its twin, not '{SIMULATION}'"
                raise UsageError(f"{name}={played.folder} has backend '{played.row.backend}', expected {expected}; are sim= and real= swapped?")


def _cell(key: tuple[str, str], sim: Sequence[Played], real: Sequence[Played]) -> Cell:
    hashes = [{p.row.checkpoint_hash for p in side} for side in (sim, real)]
    if hashes[0] != hashes[1] or len(hashes[0]) > 1:
        told = [", ".join(map(str, sorted(h, key=str))) for h in hashes]
        raise UsageError(f"policy '{key[1]}' on {key[0]} has weights {told[0]} in sim and {told[1]} in real; compare runs of one checkpoint")
    simulated, played = _by_layout(sim), _by_layout(real)
    return Cell(
        *key,
        tuple(Pair(simulated[k], played[k]) for k in played if k in simulated),
        tuple(simulated[k] for k in simulated if k not in played),
        tuple(played[k] for k in played if k not in simulated),
        sum(not p.row.counted for p in (*sim, *real)),
    )


def _by_layout(side: Sequence[Played]) -> dict[str, Played]:
    found: dict[str, Played] = {}
    for played in side:
        if not played.row.counted:
            continue
        if played.row.layout is None:
            raise UsageError(f"{played.folder}: trial {played.row.trial} has no layout, so nothing tells which trial it is")
        if (other := found.setdefault(played.layout, played)) is not played:
            raise UsageError(
                f"trials {other.row.trial} of {other.folder} and {played.row.trial} of {played.folder} have the same layout; "
                "give each run once"
            )
    return found

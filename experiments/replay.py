"""Repeats recorded trials from their tapes and measures how far they drift: on another version, or after a change.

The reset is made anew and compared with the settled state of the tape; from that state the tape's actions are executed
again. On the same version of everything the two are equal to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from envs.types import CONTROL_HZ, Trial
from experiments import provenance
from experiments.results import RESULTS_FILE, Result, read
from experiments.tape import Tape, read_tape

Qpos = NDArray[np.float64]


@dataclass(frozen=True)
class Drift:
    """The largest difference of a position: `metres` of `slid`, `radians` of `turned` (names of joints)."""

    metres: float = 0.0
    radians: float = 0.0
    slid: str = ""
    turned: str = ""

    def __str__(self) -> str:
        if not self.metres and not self.radians:
            return "none"
        parts = [(self.metres, "m", self.slid), (self.radians, "rad", self.turned)]
        return ", ".join(f"{value:.1e} {unit} ({joint})" for value, unit, joint in parts if value)


@dataclass(frozen=True)
class Replay:
    """A trial then and now. `later`: (control steps after the reset, drift); `note`: why a part could not be repeated."""

    row: Result
    steps_done: int
    exact: bool  # the same final state, to the last bit
    reset: Drift
    later: tuple[tuple[int, Drift], ...]
    note: str = ""

    def __str__(self) -> str:
        if self.note:
            return f"{self.row.env}, trial {self.row.trial}: {self.note}"
        later = "; ".join(f"after {k / CONTROL_HZ:.1f} s {drift}" for k, drift in self.later)
        return f"{self.row.env}, trial {self.row.trial}: drift after the reset {self.reset}; from the recorded state {later}"


def replay_trial(env: Any, row: Result, tape: Tape) -> Replay:
    """Repeat one trial in `env`, which is of its task."""
    from envs.layout import LayoutError
    from envs.sim_env import ResetError

    env.cameras, note = False, ""
    try:
        env.reset(options={"trial": Trial(row.env, row.trial, row.seed, row.split, row.shift)})  # type: ignore[arg-type]
    except LayoutError as error:
        return Replay(row, 0, False, Drift(), (), f"the layout is not found any more: {error}")
    except ResetError as error:
        note = f"the reset does not settle any more: {error}"
    if env.data.qpos.shape != tape.qpos[0].shape:
        return Replay(row, 0, False, Drift(), (), f"another model: {env.data.qpos.size} positions, {tape.qpos[0].size} then")
    reset = measure(env.model, tape.qpos[0], env.data.qpos)
    try:
        env.set_full_state(tape.state)
    except ValueError as error:
        return Replay(row, 0, False, reset, (), str(error))
    later = []
    for k, action in enumerate(tape.actions, 1):
        env.advance(action)
        if k in tape.marks:
            later.append((k, measure(env.model, tape.qpos[tape.marks.index(k)], env.data.qpos)))
    return Replay(row, env.steps_done, env.state_hash() == row.state_hash, reset, tuple(later), note)


def replay_folder(out: Path, make_env: Any = None) -> list[Replay]:
    """Repeat the recorded trials of OUT/results.jsonl."""
    from experiments.evaluation import make_env as make_sim_env

    rows = [row for row in read(out / RESULTS_FILE) if row.counted and row.states and (out / row.states).exists()]
    if not rows:
        return []
    env = (make_env or make_sim_env)(rows[0].quality, rows[0].motion, rows[0].env)
    try:
        return [replay_trial(env, row, read_tape(out / str(row.states))) for row in rows]
    finally:
        env.close()


def measure(model: Any, then: Qpos, now: Qpos) -> Drift:
    """The largest difference between two positions (nq,) of a MuJoCo model, joint by joint."""
    drift = Drift()
    for joint in range(model.njnt):
        name, at = model.joint(joint).name or f"joint {joint}", int(model.jnt_qposadr[joint])
        slid, turned = _JOINTS[int(model.jnt_type[joint])](then[at : at + 7], now[at : at + 7])
        if slid > drift.metres:
            drift = replace(drift, metres=slid, slid=name)
        if turned > drift.radians:
            drift = replace(drift, radians=turned, turned=name)
    return drift


def print_replays(replays: Sequence[Replay], console: Console | None = None) -> None:
    """A line for each trial, and what sums them up."""
    table = Table("task", "trial", "steps done", "drift after the reset", "after 1 s", "at the end", box=None, header_style="dim")
    for r in replays:
        done = f"{r.row.steps_done}/{r.row.steps}" + ("" if r.steps_done == r.row.steps_done else f", now {r.steps_done}")
        second = next((str(d) for k, d in r.later if k == CONTROL_HZ), "-")
        table.add_row(r.row.env, str(r.row.trial), done, str(r.reset), *([second, str(r.later[-1][1])] if r.later else ["-", r.note]))
    out = console or Console()
    out.print(table, highlight=False)
    exact, same = sum(r.exact for r in replays), sum(r.steps_done == r.row.steps_done for r in replays)
    out.print(f"{exact} of {len(replays)} trials end in the very same state, {same} with as many steps done; {_versions(replays)}", highlight=False)


def _versions(replays: Sequence[Replay]) -> str:
    now = provenance.versions()
    then = replays[0].row.versions
    changed = [f"{k} {then.get(k, 'unknown')} then, {now[k]} now" for k in now if now[k] != then.get(k)]
    return "; ".join(changed) or "same versions"


def _free(then: Qpos, now: Qpos) -> tuple[float, float]:
    return float(np.abs(then[:3] - now[:3]).max()), _angle(then[3:7], now[3:7])


def _angle(then: Qpos, now: Qpos) -> float:
    """rad between two quaternions wxyz; exact near 0, where arccos is not."""
    return 4 * math.asin(min(1.0, min(float(np.linalg.norm(then - now)), float(np.linalg.norm(then + now))) / 2))


# mjtJoint: free, ball, slide, hinge -> (m, rad)
_JOINTS = (
    _free,
    lambda then, now: (0.0, _angle(then[:4], now[:4])),
    lambda then, now: (abs(float(then[0] - now[0])), 0.0),
    lambda then, now: (0.0, abs(float(then[0] - now[0]))),
)

"""Cells to numbers: rates, agreement, prediction-powered estimate of each policy, and correlation over policies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from experiments.gaps import Difference, paired_difference
from experiments.scoring import Rate, rate
from sim2real.compare.metrics import Array, bootstrap, mcnemar, mean_maximum_rank_violation, pearson
from sim2real.compare.pairs import Cell
from sim2real.compare.ppi import Estimate, prediction_powered

FEW_POLICIES = 6  # below, a correlation over policies hardly says anything: of three, r = 0.99 has p = 0.09


@dataclass(frozen=True)
class Line:
    """One policy on one task: success of the same trials in both worlds, and how often they agree.

    `table`: trials by outcome, (both, only sim, only real, neither). `progress`: Avg. Len. real - sim, trial by trial.
    """

    cell: Cell
    sim: Rate
    real: Rate
    table: tuple[int, int, int, int]
    p: float  # McNemar's, exact
    progress: Difference | None
    estimate: Estimate

    @property
    def agreement(self) -> Rate:
        """Trials that ended alike in both worlds."""
        both, _, _, neither = self.table
        return rate(both + neither, len(self.cell.pairs))


@dataclass(frozen=True)
class Ranking:
    """How well simulation orders the policies of a task: r and MMRV, each with its 95 % bootstrap interval over layouts."""

    env: str
    policies: int
    pearson: tuple[float, float, float]
    mmrv: tuple[float, float, float]


@dataclass(frozen=True)
class Comparison:
    """All that the page says."""

    lines: tuple[Line, ...]
    rankings: tuple[Ranking, ...]


def compare(cells: Sequence[Cell]) -> Comparison:
    """The numbers of all cells; rankings of the tasks that at least two policies played in both worlds."""
    lines = tuple(_line(cell) for cell in cells if cell.pairs)
    envs = dict.fromkeys(line.cell.env for line in lines)
    by_env = [[line for line in lines if line.cell.env == env] for env in envs]
    return Comparison(lines, tuple(_ranking(group) for group in by_env if len(group) > 1))


def to_json(comparison: Comparison) -> dict[str, Any]:
    """What comparison.json holds; a value that does not exist (r of policies that are all alike) is null."""
    return {
        "lines": [
            {
                "env": line.cell.env, "policy": line.cell.policy, "pairs": len(line.cell.pairs),
                "sim": asdict(line.sim), "real": asdict(line.real), "agreement": asdict(line.agreement),
                "both_onlysim_onlyreal_neither": list(line.table), "mcnemar_p": line.p,
                "avg_len_real_minus_sim": asdict(line.progress) if line.progress else None,
                "prediction_powered": asdict(line.estimate),
            }
            for line in comparison.lines
        ],
        "rankings": [{k: _known(v) for k, v in asdict(r).items()} for r in comparison.rankings],
    }  # fmt: skip


def _line(cell: Cell) -> Line:
    sim, real = cell.values("success")
    table = (int((sim * real).sum()), int((sim * (1 - real)).sum()), int((real * (1 - sim)).sum()), int(((1 - sim) * (1 - real)).sum()))
    simulated, reached = (dict(enumerate(side.tolist())) for side in cell.values("progress"))
    more = [float(p.row.success) for p in cell.sim_only]
    return Line(
        cell, rate(sim.sum(), len(sim)), rate(real.sum(), len(real)), table, mcnemar(table[1], table[2]),
        paired_difference(simulated, reached), prediction_powered(real=real, sim=sim, more_sim=more),
    )  # fmt: skip


def _ranking(lines: Sequence[Line]) -> Ranking:
    layouts = {key: i for i, key in enumerate(dict.fromkeys(p.real.layout for line in lines for p in line.cell.pairs))}
    sim, real = (np.full((len(lines), len(layouts)), np.nan) for _ in range(2))
    for i, line in enumerate(lines):
        columns = [layouts[p.real.layout] for p in line.cell.pairs]
        sim[i, columns], real[i, columns] = line.cell.values("success")

    def with_interval(statistic: Callable[[Array, Array], float]) -> tuple[float, float, float]:
        return statistic(np.nanmean(sim, 1), np.nanmean(real, 1)), *bootstrap(sim, real, statistic, np.random.default_rng(0))

    return Ranking(
        lines[0].cell.env,
        len(lines),
        with_interval(lambda s, r: pearson(sim=s, real=r)),
        with_interval(lambda s, r: mean_maximum_rank_violation(sim=s, real=r)),
    )


def _known(value: Any) -> Any:
    return [None if math.isnan(v) else v for v in value] if isinstance(value, tuple) else value

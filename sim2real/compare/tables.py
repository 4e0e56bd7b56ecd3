"""A comparison as tables to draw: rates of both worlds, and when each step was done in the one and in the other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from sim2real.compare.comparison import FEW_POLICIES, Comparison, Line
from sim2real.compare.pairs import Cell
from sim2real.compare.ppi import LEAST

WORLDS = ("simulated", "real", "estimate")


def rate_table(comparison: Comparison) -> pd.DataFrame:
    """Success of each policy (columns arm, metric, value, low, high, n): both worlds on their pairs, and the estimate of the real rate.

    `arm` is policy and world, such as `zero, simulated`; `n` of the estimate is what it is worth in real trials.
    """
    rows = []
    for line in comparison.lines:
        found = (line.sim, line.real, line.estimate)
        counts = (line.sim.trials, line.real.trials, line.estimate.worth)
        rows += [(arm_name(line, world), "success", r.value, r.low, r.high, n) for world, r, n in zip(WORLDS, found, counts, strict=True)]
    return pd.DataFrame(rows, columns=["arm", "metric", "value", "low", "high", "n"])


def arm_name(line: Line, world: str) -> str:
    """`zero, simulated`; the real world by the name of its backend, so that a twin is called a twin."""
    backend = line.cell.pairs[0].real.row.backend
    return f"{line.cell.policy}, {world if world == 'simulated' else backend if world == 'real' else f'{backend}, with all simulated trials'}"


def step_times(cells: Sequence[Cell]) -> pd.DataFrame:
    """Columns name (the policy), trial, step, sim, real: control time in s at which a step was done, of steps done in both worlds."""
    rows = []
    for cell in cells:
        for pair in cell.pairs:
            times = zip(pair.sim.row.step_done_s, pair.real.row.step_done_s, strict=False)
            rows += [(cell.policy, pair.real.row.trial, i, sim, real) for i, (sim, real) in enumerate(times, 1)]
    return pd.DataFrame(rows, columns=["name", "trial", "step", "sim", "real"])


def closing(comparison: Comparison, errors: pd.DataFrame) -> pd.DataFrame:
    """What the comparison and the identification (`errors`: before, after) say, and what they are too small to say."""
    rows = []
    for line in comparison.lines:
        both = sum(line.table)
        apart = f"{line.table[1]} only in simulation, {line.table[2]} only on the other side, p = {line.p:.2g}"
        few = f"{both} pairs; {'too few to weigh simulated trials (' + str(LEAST) + ')' if both < LEAST else f'worth {line.estimate.worth:.0f} real trials'}"
        rows.append((f"{line.cell.policy}: both worlds agree", f"{line.table[0] + line.table[3]} of {both} trials end alike; {apart}", few))
    for ranking in comparison.rankings:
        known = "no r where a side does not vary" if math.isnan(ranking.pearson[0]) else f"r = {ranking.pearson[0]:.2f}, MMRV = {ranking.mmrv[0]:.2f}"
        rows.append(("simulation ranks policies as the other side does", known, f"{ranking.policies} policies; r says little below {FEW_POLICIES}"))
    before, after = (float(errors[name].mean()) for name in ("before", "after"))
    rows.append(("identification closes the gap", f"mean joint error {before:.2f} mrad before, {after:.2f} after, on motion not fitted", "held" if after < before else "did not hold"))
    return pd.DataFrame(rows, columns=["what", "measured", "how far it goes"]).set_index("what")

"""A real success rate from few real trials and many simulated ones, without trusting the simulation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from experiments.scoring import wilson

LEAST = 10  # real trials below which a weight cannot be fitted


@dataclass(frozen=True)
class Estimate:
    """`value` with its 95 % interval. `weight`: how far simulation was believed, 0 (not at all) to 1.

    `worth`: real trials that would give the same variance without simulation.
    """

    value: float
    low: float
    high: float
    real_trials: int
    sim_trials: int
    weight: float
    worth: float


def prediction_powered(*, real: ArrayLike, sim: ArrayLike, more_sim: ArrayLike) -> Estimate:
    """The real mean from pairs `real`, `sim` (n,) of the same trials and `more_sim` (N,) of trials that were not run for real.

    PPI++ (Angelopoulos, Duchi, Zrnic 2023, arXiv 2311.01453, section 2 and example 6.1): with y real and f simulated,
        estimate = mean(y) + w (mean(f over N) - mean(f over n)),    w = cov(y, f) / ((1 + n/N) var(f)),
        variance = var(y - w f) / n + w^2 var(f) / N.
    It is right on average whatever the simulation does; the better simulation predicts the single trial, the narrower.
    The interval is Wilson's at the number of real trials that would have this variance. The paper's normal interval held
    the truth in 89 to 99 of 100 experiments with 10 to 50 pairs (rates 0.6 and 0.9), this one in 93 to 97.
    Simulation is left out (w = 0, Wilson's interval) where it does not help or cannot be judged: fewer than LEAST pairs, no
    further simulated trials, or one side always the same.

    Raises:
        ValueError: `real` and `sim` do not pair up, there is none, or a value lies outside 0..1.
    """
    y, f, more = (np.asarray(v, float).ravel() for v in (real, sim, more_sim))
    if not len(y) or y.shape != f.shape:
        raise ValueError(f"{len(y)} real and {len(f)} simulated trials; expected pairs, at least one")
    if any(((v < 0) | (v > 1)).any() for v in (y, f, more)):
        raise ValueError("a trial's value lies outside 0..1")
    n, extra = len(y), len(more)
    alone = Estimate(float(y.mean()), *wilson(float(y.sum()), n), n, 0, 0.0, float(n))
    if n < LEAST or not extra or np.ptp(y) == 0 or np.ptp(f) == 0:
        return alone
    spread = float(np.var(np.r_[f, more], ddof=1))
    weight = float(np.clip(np.cov(y, f)[0, 1] / ((1 + n / extra) * spread), 0, 1))
    value = float(np.clip(y.mean() + weight * (more.mean() - f.mean()), 0, 1))
    variance = float(np.var(y - weight * f, ddof=2)) / n + weight**2 * spread / extra  # ddof: mean and weight are fitted
    worth = float(np.var(y, ddof=1)) / variance
    return Estimate(value, *wilson(value * worth, worth), n, extra, weight, worth) if worth > n else alone

"""Numbers that say how well a simulation predicts a robot; what has a simulated and a real side takes them by keyword.

The keywords are not a nicety: the mean maximum rank violation is not symmetric, and SIMPLER's own README hands it the two
sides in the wrong order (SimplerEnv's README.md against its simpler_env/utils/metrics.py and tools/calc_metrics.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
Array = NDArray[np.float64]


def mcnemar(only_sim: int, only_real: int) -> float:
    """Exact two-sided p of McNemar's test: whether one world succeeds more often than the other on the same trials.

    `only_sim`, `only_real`: trials that succeeded in that world alone. Under no difference each of these is a coin's toss.
    """
    n = only_sim + only_real
    tail = sum(math.comb(n, k) for k in range(min(only_sim, only_real) + 1)) / 2**n
    return min(1.0, 2 * tail)


def pearson(*, sim: ArrayLike, real: ArrayLike) -> float:
    """Correlation of rates (n,) over policies; nan where one side is the same for all, which has none."""
    s, r = _both(sim, real)
    s, r = s - s.mean(), r - r.mean()
    scale = float(np.sqrt((s @ s) * (r @ r)))
    return float(s @ r) / scale if scale > 1e-12 else math.nan


def mean_maximum_rank_violation(*, sim: ArrayLike, real: ArrayLike) -> float:
    """MMRV (Li et al. 2024, SIMPLER, arXiv 2405.05941, section III): 0 where simulation ranks policies (n,) as reality does.

    For each policy the largest real difference to another that simulation puts on the wrong side of it; their mean.
    """
    s, r = _both(sim, real)
    wrong = (s[:, None] > s) != (r[:, None] > r)
    return float((wrong * np.abs(r[:, None] - r)).max(1).mean())


def bootstrap(
    sim: ArrayLike, real: ArrayLike, statistic: Callable[[Array, Array], float], rng: np.random.Generator, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """95 % interval of `statistic(sim rates, real rates)` over trials; (nan, nan) where no resample has a value.

    `sim`, `real`: (policies, layouts), what each policy reached on each layout, nan where it did not play it. Layouts are
    drawn again, the same for all policies and both worlds, since what makes a layout hard makes it hard for all of them.
    """
    s, r = np.asarray(sim, float), np.asarray(real, float)
    played = ~np.isnan(s) & ~np.isnan(r)
    layouts = s.shape[1]
    weights = rng.multinomial(layouts, np.full(layouts, 1 / layouts), resamples).astype(float)
    count = weights @ played.T  # (resamples, policies)
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = [weights @ np.where(played, side, 0.0).T / count for side in (s, r)]
    whole = (count > 0).all(1)
    values = np.array([statistic(a, b) for a, b in zip(rates[0][whole], rates[1][whole], strict=True)])
    values = values[~np.isnan(values)]
    if not len(values):
        return math.nan, math.nan
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _both(sim: ArrayLike, real: ArrayLike) -> tuple[Array, Array]:
    s, r = np.asarray(sim, float), np.asarray(real, float)
    if s.ndim != 1 or s.shape != r.shape or len(s) < 2:
        raise ValueError(f"sim has shape {s.shape}, real {r.shape}; expected the same policies (n,) in both, at least two")
    return s, r

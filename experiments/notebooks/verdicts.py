"""Claims and whether they held: differences seed by seed, with the interval that so few seeds allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

SEEDS_FOR_A_CLAIM = 3
SAME = 1e-9  # apart: rounding
HELD, REVERSED, OPEN, FEW, MISSING = "held", "reversed", "open", f"fewer than {SEEDS_FOR_A_CLAIM} seeds: no claim", "not run yet"


@dataclass(frozen=True)
class Claim:
    """That `better` is above `worse` in `metric`, as the paper says. `text`: in words. `paper`: its difference, where it prints one."""

    text: str
    metric: str
    better: str
    worse: str
    paper: float | None = None


@dataclass(frozen=True)
class Mean:
    """A mean over n seeds with its 95 % t interval; nan where one seed, or seeds that agree to the digit, cannot tell."""

    value: float
    low: float
    high: float
    n: int


def mean_over_seeds(values: Sequence[float]) -> Mean:
    """The mean of one value a seed.

    Student's t: seeds are what a claim generalises over, and each value carries its trials' noise with it, so that trials
    are not counted again. Few trials give coarse values (ten of two steps: 0.05 apart); three that are the same by chance would
    have an interval of no width.

    Raises:
        ValueError: there is none.
    """
    if not len(values):
        raise ValueError("no seed to average; expected at least one value")
    v, n = np.asarray(values, float), len(values)
    half = float(stdtrit(n - 1, 0.975) * v.std(ddof=1) / np.sqrt(n)) if np.ptp(v) > SAME else float("nan")
    return Mean(float(v.mean()), float(v.mean()) - half, float(v.mean()) + half, n)


def summarise(points: pd.DataFrame, by: Sequence[str] = ("arm", "metric")) -> pd.DataFrame:
    """Points (columns `by`, seed, value) as their means over seeds: columns `by`, value, low, high, n."""
    rows = []
    for key, group in points.groupby(list(by), sort=False):
        mean = mean_over_seeds(group["value"].tolist())
        rows.append((*key, mean.value, mean.low, mean.high, mean.n))
    return pd.DataFrame(rows, columns=[*by, "value", "low", "high", "n"])


def differences(points: pd.DataFrame, metric: str, better: str, worse: str) -> np.ndarray:
    """(seeds,) better - worse, of the seeds that both arms have: one seed shares data, start and layouts."""
    part = points[points["metric"] == metric]
    sides = [part[part["arm"] == arm].groupby("seed")["value"].mean() for arm in (better, worse)]
    return (sides[0] - sides[1]).dropna().to_numpy()


def verdict(points: pd.DataFrame, claim: Claim) -> str:
    """held, reversed or open by the interval of the difference; or why nothing is claimed."""
    apart = differences(points, claim.metric, claim.better, claim.worse)
    if not len(apart):
        return MISSING
    if len(apart) < SEEDS_FOR_A_CLAIM:
        return FEW
    mean = mean_over_seeds(apart.tolist())
    return HELD if mean.low > 0 else REVERSED if mean.high < 0 else OPEN


def verdicts(points: pd.DataFrame, claims: Sequence[Claim]) -> pd.DataFrame:
    """A line a claim: the paper's difference, ours with its interval, seeds, and whether it held."""
    rows = []
    for claim in claims:
        apart = differences(points, claim.metric, claim.better, claim.worse)
        mean = mean_over_seeds(apart.tolist()) if len(apart) else None
        paper = "" if claim.paper is None else f"{claim.paper:+.2f}"
        ours = "" if mean is None else f"{mean.value:+.2f}" + (f" [{mean.low:+.2f}, {mean.high:+.2f}]" if np.isfinite(mean.low) else "")
        rows.append((claim.text, claim.metric, f"{claim.better} - {claim.worse}", paper, ours, len(apart), verdict(points, claim)))
    columns = ["the paper says", "metric", "difference", "paper", "ours [95 %]", "seeds", "verdict"]
    return pd.DataFrame(rows, columns=columns).set_index(columns[0])

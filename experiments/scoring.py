"""How a trial's steps become a score: the paper's Avg. Len., success rates, and their 95 % Wilson intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution


@dataclass(frozen=True)
class Rate:
    """`value` = done / tried with its 95 % Wilson interval, over `trials` trials."""

    value: float
    low: float
    high: float
    trials: int


@dataclass(frozen=True)
class Score:
    """A policy's score in one row: `counts[i]` trials did steps 1..i+1, in order.

    `avg_len` is the paper's Avg. Len., which lies between 0 and 1: the mean over trials of steps done / steps.
    """

    trials: int
    counts: tuple[int, ...]
    avg_len: Rate
    success: Rate

    @property
    def mean_steps_done(self) -> float:
        """Steps done per trial, which CALVIN and others call average length: 0 to the number of steps."""
        return sum(self.counts) / self.trials if self.trials else 0.0


def wilson(done: float, trials: float) -> tuple[float, float]:
    """95 % Wilson score interval of `done` out of `trials` (Wilson 1927); (0, 1) when nothing was tried.

    `done` may be a sum of fractions: for values in [0, 1] the variance is at most p(1-p), so the interval is cautious.
    `trials` may be an effective number.

    Raises:
        ValueError: `done` is negative or above `trials`.
    """
    if not 0 <= done <= trials:
        raise ValueError(f"{done} done of {trials} tried is no rate; expected 0 <= done <= tried")
    if trials == 0:
        return 0.0, 1.0
    p, z2 = done / trials, Z95 * Z95
    centre = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z95 / (1 + z2 / trials) * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials))
    # At p = 0 and p = 1 the bounds are exactly 0 and 1; rounding would leave 1e-17.
    return (0.0 if done == 0 else max(0.0, centre - half)), (1.0 if done == trials else min(1.0, centre + half))


def newcombe(first: Rate, second: Rate) -> tuple[float, float]:
    """95 % interval of `second - first` of independent trials, from their Wilson intervals (Newcombe 1998, method 10)."""
    value = second.value - first.value
    low = math.hypot(second.value - second.low, first.high - first.value)
    high = math.hypot(second.high - second.value, first.value - first.low)
    return value - low, value + high


def rate(done: float, trials: int) -> Rate:
    """`done / trials` with its interval; value 0 when nothing was tried."""
    return Rate(done / trials if trials else 0.0, *wilson(done, trials), trials)


def score_counts(counts: Sequence[int], trials: int) -> Score:
    """Score from step counts. Avg. Len. is the paper's: mean over trials of (steps done / steps).

    Raises:
        ValueError: a later step has more trials than an earlier one, which no sequence of steps can give.
    """
    counts = tuple(int(c) for c in counts)
    if any(b > a for a, b in zip((trials, *counts), counts, strict=False)):
        raise ValueError(f"step counts {counts} of {trials} trials rise; a step counts only after the ones before it")
    return Score(trials, counts, rate(sum(counts) / len(counts), trials), rate(counts[-1], trials))


def score_trials(steps_done: Sequence[int], steps: int) -> Score:
    """Score from the number of steps that each trial completed in order.

    Raises:
        ValueError: a trial claims more steps than the row has.
    """
    if bad := [n for n in steps_done if not 0 <= n <= steps]:
        raise ValueError(f"steps_done {bad} does not lie in 0..{steps}")
    return score_counts([sum(n >= i for n in steps_done) for i in range(1, steps + 1)], len(steps_done))

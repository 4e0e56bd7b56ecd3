"""Rows to counts of failures, step by step, and how near to its object the hand first closes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.failures.kinds import KINDS
from experiments.results import Result

RESAMPLES = 2000


@dataclass(frozen=True)
class Distance:
    """The median of so many first closings, cm, with its 95 % bootstrap interval over trials."""

    median: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class StepTally:
    """Of the trials that came to a step: how many did it, and how the others failed. `grasp`: None without a closing."""

    reached: int
    done: int
    kinds: Mapping[str, int]
    grasp: Distance | None


@dataclass(frozen=True)
class Tally:
    """A task's trials, step by step; `held`: the closings after which the object was held."""

    steps: tuple[StepTally, ...]
    grasp: Distance | None
    held: Distance | None

    @property
    def trials(self) -> int:
        """Trials that tell why they failed, and those that did not fail."""
        return self.steps[0].reached

    @property
    def done(self) -> int:
        """Trials with all steps done."""
        return self.steps[-1].done

    @property
    def kinds(self) -> Mapping[str, int]:
        """Trials by the kind of their failure; every kind is there, in order."""
        return {kind: sum(step.kinds.get(kind, 0) for step in self.steps) for kind in KINDS}


def tally(rows: Sequence[Result]) -> Tally | None:
    """The counts of a task's rows; None where no trial tells anything (a robot's, or recorded before trials did)."""
    counted = [row for row in rows if row.counted and (row.success or row.failure)]
    if not any(row.failure or row.grasps for row in counted):
        return None
    steps = []
    for i in range(counted[0].steps):
        reached = [row for row in counted if row.steps_done >= i]
        kinds = Counter(row.failure["kind"] for row in reached if row.steps_done == i and row.failure)
        done = sum(row.steps_done > i for row in reached)
        steps.append(StepTally(len(reached), done, {k: kinds[k] for k in KINDS if kinds[k]}, distance(reached, step=i + 1)))
    return Tally(tuple(steps), distance(counted), distance(counted, held=True))


def distance(rows: Sequence[Result], step: int | None = None, held: bool = False) -> Distance | None:
    """The median distance of the first closings of all steps or of one (`held`: of those that took the object)."""
    trials = [[g["cm"] for g in row.grasps if step in (None, g["step"]) and (g["held"] or not held)] for row in rows]
    trials = [values for values in trials if values]
    if not trials:
        return None
    table = np.full((len(trials), max(map(len, trials))), np.nan)
    for line, values in zip(table, trials, strict=True):
        line[: len(values)] = values
    draws = np.random.default_rng(0).integers(len(trials), size=(RESAMPLES, len(trials)))
    low, high = np.percentile(_medians(table[draws].reshape(RESAMPLES, -1)), [2.5, 97.5])
    (middle,) = _medians(table.reshape(1, -1))
    return Distance(round(float(middle), 2), round(float(low), 2), round(float(high), 2), sum(map(len, trials)))


def _medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) the median of each line of (n, m), nan left out."""
    values, counts = np.sort(values, axis=1), np.isfinite(values).sum(1)  # nan goes last
    lines = np.arange(len(values))
    return (values[lines, (counts - 1) // 2] + values[lines, counts // 2]) / 2


def to_json(found: Tally | None) -> dict[str, Any]:
    """What summary.json says of failures; nulls where nothing was told."""
    if found is None:
        return {"failures": None, "failures_by_step": None, "grasp_cm": None, "grasp_cm_held": None}
    return {
        "failures": dict(found.kinds),
        "failures_by_step": [{"reached": s.reached, "done": s.done, "kinds": dict(s.kinds)} for s in found.steps],
        "grasp_cm": asdict(found.grasp) if found.grasp else None,
        "grasp_cm_held": asdict(found.held) if found.held else None,
    }

"""How far a policy falls from one level of a condition to another: differences of Avg. Len. with their intervals, by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from envs.names import SHIFTS
from experiments.results import Result
from experiments.scoring import Rate, newcombe, rate

RESAMPLES = 10_000
LEAST = 6  # trials before a level is said to break anything: six of six that get worse have p = 0.03 in a sign test, five 0.06
NONE, SEEN = "none", "seen"  # test layouts as trained, and layouts of training
LEVELS = (NONE, SEEN, *(shift for shift in SHIFTS if shift != NONE))


@dataclass(frozen=True)
class Difference:
    """The mean of (level - none) with its 95 % interval, and trials of the level.

    Trial by trial where both levels have the same trials: so many got worse, better; else those two are None.
    """

    value: float
    low: float
    high: float
    trials: int
    worse: int | None
    better: int | None


@dataclass(frozen=True)
class Level:
    """One level: its score, and its difference to `none` (None for `none` itself, and where there is nothing to compare)."""

    name: str
    score: Rate
    errors: int
    difference: Difference | None

    @property
    def matters(self) -> bool:
        """Whether the interval of its difference leaves zero out, over enough trials."""
        d = self.difference
        return d is not None and d.trials >= LEAST and not d.low <= 0 <= d.high


def levels_of(rows: Mapping[str, Sequence[Result]]) -> list[Level]:
    """The levels that have rows, in order."""
    return [_level(name, rows) for name in LEVELS if rows.get(name)]


def by_task(rows: Mapping[str, Sequence[Result]]) -> dict[str, list[Level]]:
    """The levels of each task alone."""
    envs = dict.fromkeys(row.env for some in rows.values() for row in some)
    return {env: levels_of({name: [row for row in some if row.env == env] for name, some in rows.items()}) for env in envs}


def paired_difference(none: Mapping[Any, float], level: Mapping[Any, float], seed: int = 0) -> Difference | None:
    """The mean of level - none over the trials (keys) of both; None where there are none.

    The interval: percentiles 2.5 and 97.5 of the means of 10,000 resamples of the trials' differences.
    """
    keys = [k for k in none if k in level]
    if not keys:
        return None
    change = np.array([level[k] - none[k] for k in keys])
    draws = np.random.default_rng(seed).integers(len(change), size=(RESAMPLES, len(change)))
    low, high = np.percentile(change[draws].mean(1), [2.5, 97.5])
    return Difference(float(change.mean()), float(low), float(high), len(keys), int((change < 0).sum()), int((change > 0).sum()))


def unpaired_difference(none: Rate, level: Rate) -> Difference | None:
    """Level - none where the trials are others, with Newcombe's interval; None where one has no trial."""
    if not (none.trials and level.trials):
        return None
    return Difference(level.value - none.value, *newcombe(none, level), level.trials, None, None)


def to_json(levels: Sequence[Level]) -> dict[str, Any]:
    """What summary.json holds of levels."""
    return {
        level.name: {
            "avg_len": round(level.score.value, 4),
            "avg_len_ci95": [round(level.score.low, 4), round(level.score.high, 4)],
            "n_episodes": level.score.trials,
            "errors": level.errors,
            "difference": {k: None if v is None else round(v, 4) for k, v in vars(level.difference).items()} if level.difference else None,
        }
        for level in levels
    }


def _level(name: str, rows: Mapping[str, Sequence[Result]]) -> Level:
    score, none = _score(rows[name]), rows.get(NONE, ())
    if name == NONE:
        difference = None
    elif name == SEEN:
        difference = unpaired_difference(_score(none), score)
    else:
        difference = paired_difference(_progress(none), _progress(rows[name]))
    return Level(name, score, sum(not row.counted for row in rows[name]), difference)


def _score(rows: Sequence[Result]) -> Rate:
    counted = [row for row in rows if row.counted]
    return rate(sum(row.progress for row in counted), len(counted))


def _progress(rows: Sequence[Result]) -> dict[tuple[str, int], float]:
    return {(row.env, row.trial): row.progress for row in rows if row.counted}

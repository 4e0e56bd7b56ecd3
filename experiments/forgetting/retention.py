"""How much of what a network knew is left: accuracies above chance, before and after, over resampled scenes.

R = (A1 - c) / (A0 - c), where c is what guessing gives (research/understanding.md, section 5): 1 nothing forgotten, 0 all.
Raw ratios flatter families with a high floor: 0.55 after 1.0 at c = 0.5 is R = 0.1, not 0.55.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
ALPHA = 0.05


@dataclass(frozen=True)
class Marks:
    """Marks (n,) from 0 to 1 of the same questions before and after, what guessing gives each (n,), and whose scene each is."""

    before: NDArray[np.floating]
    after: NDArray[np.floating]
    chance: NDArray[np.floating]
    scenes: Sequence[str]

    def __post_init__(self) -> None:
        sizes = [len(self.before), len(self.after), len(self.chance), len(self.scenes)]
        if len(set(sizes)) > 1 or not sizes[0]:
            raise ValueError(f"{sizes} marks before, after, chances and scenes; expected as many of each, at least one")

    def where(self, chosen: NDArray[np.bool_]) -> Marks:
        """Those of some questions."""
        scenes = [s for s, take in zip(self.scenes, chosen, strict=True) if take]
        return Marks(self.before[chosen], self.after[chosen], self.chance[chosen], scenes)


@dataclass(frozen=True)
class Retained:
    """`value`: R, with its 95 % interval over resampled scenes; forgetting is 1 - value.

    The interval is nan where more than 2.5 % of the resamples knew nothing before: then there was nothing to forget.
    """

    value: float
    low: float
    high: float
    before: float
    after: float
    chance: float
    n: int

    @property
    def forgotten(self) -> float:
        """1 - R."""
        return 1 - self.value


def retention(before: float, after: float, chance: float) -> float:
    """R of three accuracies; above 1 where more is known than before, below 0 where less than by guessing.

    Raises:
        ValueError: nothing was known before, so that nothing can be forgotten.
    """
    if before <= chance:
        raise ValueError(f"accuracy before is {before:.3f}, guessing gives {chance:.3f}: there is nothing to forget; ask questions that the network could answer")
    return (after - chance) / (before - chance)


def retained(marks: Marks, rng: np.random.Generator) -> Retained:
    """R of some questions.

    Raises:
        ValueError: nothing was known before.
    """
    before, after, chance = (float(np.mean(m)) for m in (marks.before, marks.after, marks.chance))
    low, high = _interval(marks, rng)
    return Retained(retention(before, after, chance), low, high, before, after, chance, len(marks.before))


def retained_by(marks: Marks, groups: Sequence[str], rng: np.random.Generator) -> Mapping[str, Retained | None]:
    """R of each group (a family, a ring), in the order of their first question; None where nothing was known before."""
    found: dict[str, Retained | None] = {}
    for group in dict.fromkeys(groups):
        part = marks.where(np.array([g == group for g in groups]))
        known = float(np.mean(part.before)) > float(np.mean(part.chance))
        found[group] = retained(part, rng) if known else None
    return found


def _interval(marks: Marks, rng: np.random.Generator) -> tuple[float, float]:
    _, which = np.unique(np.asarray(marks.scenes), return_inverse=True)
    scenes = int(which.max()) + 1
    if scenes < 2:
        return math.nan, math.nan
    drawn = rng.multinomial(scenes, np.full(scenes, 1 / scenes), RESAMPLES)
    known, kept = (drawn @ np.bincount(which, m - marks.chance, scenes) for m in (marks.before, marks.after))
    if (known <= 0).mean() > ALPHA / 2:
        return math.nan, math.nan
    ratios = kept[known > 0] / known[known > 0]
    low, high = np.quantile(ratios, (ALPHA / 2, 1 - ALPHA / 2))
    return float(low), float(high)

"""What learning two things at once costs each of them, at the same exposure to it.

I = (S_single - S_joint) / (S_single - c). A joint run of as many steps sees half of either domain, which alone costs
something; so both runs must have seen as many rows of the domain, and other numbers are refused (research, section 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from policy.stages import Stage

Domain = Literal["robot", "understanding"]


@dataclass(frozen=True)
class Exposure:
    """Rows of either domain that a run was trained on, repetitions counted."""

    robot: int = 0
    understanding: int = 0


@dataclass(frozen=True)
class Run:
    """A trained network: its score in a domain (success rate, accuracy; 0 - 1) and what it saw."""

    name: str
    score: float
    exposure: Exposure


def exposure(stages: Sequence[Stage]) -> Exposure:
    """What a run of these stages sees; grounding rows are no demonstrations and do not count."""
    return Exposure(
        sum(s.mixture.robot * s.steps for s in stages), sum(s.mixture.understanding * s.steps for s in stages)
    )  # fmt: skip


def at_exposure(stage: Stage, domain: Domain, rows: int) -> Stage:
    """The stage with as many steps as show `rows` rows of a domain.

    Raises:
        ValueError: its batches have no such rows, or no number of whole batches has so many.
    """
    each = getattr(stage.mixture, domain)
    if not each or rows % each:
        raise ValueError(f"stage {stage.name} has {each} {domain} rows a batch, of which no whole number of batches makes {rows}")
    return replace(stage, steps=rows // each)


def interference(single: Run, joint: Run, domain: Domain, floor: float = 0.0) -> float:
    """I: 0 the joint run is as good as the single one, 1 it is at the floor, below 0 the domains help each other.

    Raises:
        ValueError: the runs saw different amounts of the domain, or the single one learnt nothing.
    """
    seen, seen_jointly = (getattr(run.exposure, domain) for run in (single, joint))
    if seen != seen_jointly or not seen:
        raise ValueError(f"{single.name} saw {seen} {domain} rows, {joint.name} {seen_jointly}; compare runs of one exposure (see at_exposure)")
    if single.score <= floor:
        raise ValueError(f"{single.name} scores {single.score:.3f}, the floor is {floor:.3f}: it learnt nothing that could be disturbed")
    return (single.score - joint.score) / (single.score - floor)

"""A task's steps as sentences that an operator can judge by eye, with the things called by their names in this layout."""

from __future__ import annotations

import re
from typing import Any

from envs.types import Task


def rubric(task: Task, world: Any) -> tuple[str, ...]:
    """One sentence per step: its predicate's, with each role replaced by what the thing looks like."""
    return tuple(named(str(step.predicate), world) for step in task.steps)


def named(sentence: str, world: Any) -> str:
    """`toy_0 lies in the box` -> `yellow duck lies in the box`."""
    roles = sorted({*world.roles, *world.fixtures}, key=len, reverse=True)
    pattern = "|".join(rf"\b{re.escape(role)}\b" for role in roles)
    return re.sub(pattern, lambda found: world.phrase(found[0]), sentence) if roles else sentence

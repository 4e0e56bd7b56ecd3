"""A long task out of single ones: a planner sends their instructions one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from envs.types import Fixture, ObjectGroup, Step, Task


def composed(
    name: str, instruction: str, tasks: Sequence[Task], fixtures: tuple[Fixture, ...], objects: tuple[ObjectGroup, ...],
    finished: str, paraphrases: tuple[str, ...] = (), test_paraphrases: tuple[str, ...] = (),
) -> Task:  # fmt: skip
    """The steps of `tasks` in their order, each with its task's instruction as the planner's, in the scene of the first.

    It has as much time as they have together. `fixtures` and `objects` are where everything is before the first step.
    """
    return Task(
        name, tasks[0].scene, instruction, fixtures, objects, tuple(s for task in tasks for s in planned(task)), finished,
        sum(task.time_limit_s for task in tasks), paraphrases, test_paraphrases,
    )  # fmt: skip


def planned(task: Task) -> tuple[Step, ...]:
    """The task's steps, each with what a planner says for it: its own instruction, or else the task's."""
    return tuple(replace(step, instruction=step.instruction or task.instruction) for step in task.steps)

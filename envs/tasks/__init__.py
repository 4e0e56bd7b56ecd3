"""All tasks by name, one file a family."""

from __future__ import annotations

from envs.names import TASK_NAMES, checked_name
from envs.tasks import bathroom, chatvla2, cubes, kitchen, mugs, tabletop, toy
from envs.types import Task

FAMILIES = (toy, cubes, tabletop, kitchen, mugs, bathroom, chatvla2)
TASKS: dict[str, Task] = {task.name: task for family in FAMILIES for task in family.TASKS}
assert set(TASKS) <= set(TASK_NAMES), "envs/names.py and the tasks disagree"


def get_task(name: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: there is none; the message gives the nearest name.
    """
    return TASKS[checked_name(name, TASKS, "env")]

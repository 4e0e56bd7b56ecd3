"""All tasks by name."""

from __future__ import annotations

from envs.names import TASK_NAMES, checked_name
from envs.tasks.toy import SORT_TOYS
from envs.types import Task

TASKS: dict[str, Task] = {task.name: task for task in (SORT_TOYS,)}
assert tuple(TASKS) == TASK_NAMES, "envs/names.py and the tasks disagree"


def get_task(name: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: there is none; the message gives the nearest name.
    """
    return TASKS[checked_name(name, TASKS, "env")]

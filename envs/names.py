"""The names of the tasks, known without importing a simulator."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

TASK_NAMES = ("sort_toys",)


def gym_id(task: str) -> str:
    """`sort_toys` -> `ChatVLA/SortToys-v0`."""
    return f"ChatVLA/{''.join(word.capitalize() for word in task.split('_'))}-v0"


def checked_name(name: str, known: Iterable[str], what: str) -> str:
    """`name` if it is among `known`.

    Raises:
        ValueError: it is not; the message gives the nearest known name, or all of them.
    """
    known = list(known)
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, 1, 0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
    raise ValueError(f"unknown {what} '{name}'; {hint}")

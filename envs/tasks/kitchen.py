"""Tasks in the kitchen (ChatVLA, tasks 11-13, 18, 19)."""

from __future__ import annotations

from envs.types import Task

TASKS: tuple[Task, ...] = ()

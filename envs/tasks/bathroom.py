"""Tasks in the bathroom (ChatVLA, tasks 14, 16, 17)."""

from __future__ import annotations

from envs.types import Task

TASKS: tuple[Task, ...] = ()

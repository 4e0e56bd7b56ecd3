"""Tasks with mugs (ChatVLA, tasks 12, 15, 22)."""

from __future__ import annotations

from envs.types import Task

TASKS: tuple[Task, ...] = ()

"""Tasks on the table top (ChatVLA, tasks 20, 21, 23, 24, 25)."""

from __future__ import annotations

from envs.types import Task

TASKS: tuple[Task, ...] = ()

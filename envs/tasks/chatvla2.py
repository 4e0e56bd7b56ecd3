"""Tasks of ChatVLA-2: equations on a whiteboard, spatial relations."""

from __future__ import annotations

from envs.types import Task

TASKS: tuple[Task, ...] = ()

"""Tasks in the bathroom (ChatVLA, tasks 14, 16, 17)."""

from __future__ import annotations

from envs.types import Fixture, Task

WASHBASIN = Fixture("washbasin", ("washbasin",), (0.54, 0.0))

TASKS: tuple[Task, ...] = ()

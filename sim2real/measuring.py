"""Long measurements on the twin: each one is a JSON line, safe on the disk before the next begins, so that a command goes on where it stopped."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sim2real.outcomes import RobotError

T = TypeVar("T")

TRIES = 5  # after which the machine counts as too busy


def rows(path: Path) -> list[dict[str, Any]]:
    """All that were written; none where there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def append(path: Path, row: dict[str, Any]) -> None:
    """Write one more row."""
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
        file.flush()
        os.fsync(file.fileno())


def measured(play: Callable[[], T]) -> T:
    """What `play` finds; where a device fails, as drivers do that a busy machine starves, it is told and played again, as any invalid trial.

    Raises:
        RobotError: it fails each of `TRIES` times.
    """
    for _ in range(TRIES - 1):
        try:
            return play()
        except RobotError as error:
            print(f"no measurement, once more: {error}", file=sys.stderr, flush=True)
    return play()

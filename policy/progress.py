"""What long work shows: a bar on a terminal; elsewhere, as in a log file, a line now and then."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

EVERY_S = 30.0
T = TypeVar("T")


def clock_text(seconds: float) -> str:
    """`1:02:03`."""
    minutes, s = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{s:02d}"


def line(what: str, done: int, total: int, seconds: float, share: float | None = None) -> str:
    """`what` with how many of all, the time it took, and about how long yet (by `share`, if more is known than done of all)."""
    share = done / total if share is None else share
    left = f", about {clock_text(seconds * (1 - share) / share)} left" if 0 < share < 1 else ""
    return f"{what}: {done}/{total}, {clock_text(seconds)}{left}"


class Counting:
    """Counts up to `total`; use as a context manager and call `advance`."""

    def __init__(self, what: str, total: int, console: Console | None = None, every_s: float = EVERY_S) -> None:
        self.console, self._what, self._total, self._every_s = console or Console(), what, total, every_s
        columns = (TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        self._bar = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self._task = self._bar.add_task(what, total=total)
        self._done = 0
        self._start = self._told = time.monotonic()

    def __enter__(self) -> Counting:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._bar.stop()

    def advance(self, by: int = 1, what: str | None = None) -> None:
        """So many more are done; `what` is from now on said before the count."""
        self._what = what or self._what
        self._done += by
        self._bar.update(self._task, advance=by, description=self._what)
        now = time.monotonic()
        if not self.console.is_terminal and (now - self._told >= self._every_s or self._done == self._total):
            self._told = now
            self.console.print(line(self._what, self._done, self._total, now - self._start), highlight=False, soft_wrap=True, markup=False)


def counted(items: Sequence[T], what: str, console: Console | None = None) -> Iterator[T]:
    """The items, while it is shown how many have been gone through."""
    with Counting(what, len(items), console) as counting:
        for item in items:
            yield item
            counting.advance()

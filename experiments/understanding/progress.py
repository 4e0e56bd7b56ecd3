"""What a run of questions shows: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

EVERY_S = 10.0


class Questions:
    """Counts answers by benchmark; use as a context manager and call `advance`."""

    def __init__(self, total: Mapping[str, int], done: Mapping[str, int], console: Console | None = None) -> None:
        self.console = console or Console()
        columns = (TextColumn("{task.description}"), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        self._progress = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self._tasks = {name: self._progress.add_task(name, total=total[name], completed=done[name]) for name in total}
        self._total, self._done, self._asked = dict(total), dict(done), 0
        self._start = self._told = time.monotonic()

    def __enter__(self) -> Questions:
        self._progress.start()
        if not self.console.is_terminal:
            asked = ", ".join(f"{name} {n}" + (f" ({self._done[name]} done before)" if self._done[name] else "") for name, n in self._total.items())
            self._say(f"questions: {asked}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._progress.stop()

    def advance(self, benchmark: str, answers: int) -> None:
        """So many more of a benchmark have been answered."""
        self._progress.advance(self._tasks[benchmark], answers)
        self._done[benchmark] += answers
        self._asked += answers
        now = time.monotonic()
        if not self.console.is_terminal and (now - self._told > EVERY_S or self._done[benchmark] == self._total[benchmark]):
            self._told = now
            self._say(f"{benchmark} {self._done[benchmark]}/{self._total[benchmark]}  {self._asked / max(now - self._start, 1e-9):.1f} questions/s")

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, soft_wrap=True, markup=False)

"""What a sweep shows while it runs: its points, how each is, and how long the rest will take."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from experiments.sweeping.point_run import STATE, read
from experiments.sweeping.points import Point
from experiments.sweeping.tidy import point_rows

COLUMNS = ("point", "state", "success", "answers", "minutes")
STYLES = {"done": "green", "failed": "red", "running": "yellow", "stopped": "yellow"}


class Board:
    """A live table on a terminal, a line per finished point elsewhere; use as a context manager, and `look` now and then."""

    def __init__(self, points: Sequence[Point], folders: Sequence[Path], jobs: int, console: Console | None = None) -> None:
        self.console = console or Console()
        self._points, self._folders, self._jobs = points, folders, max(jobs, 1)
        self._told = {f for f in folders if _state(f) == "done"}
        self._live = Live(get_renderable=self.table, console=self.console, refresh_per_second=1) if self.console.is_terminal else None

    def __enter__(self) -> Board:
        if self._live:
            self._live.start()
        else:
            self.console.print(f"{len(self._points)} points, {len(self._told)} done before; each: {'  '.join(COLUMNS)}", highlight=False)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def look(self) -> None:
        """Tell of the points that have ended since."""
        for point, folder in zip(self._points, self._folders, strict=True):
            if folder not in self._told and _state(folder) in ("done", "failed"):
                self._told.add(folder)
                if not self._live:
                    self.console.print("  ".join(_cells(point, folder)), highlight=False, soft_wrap=True, markup=False)

    def table(self) -> Table:
        """Point, state, success, answers, minutes; above it what is left."""
        states = [_state(f) for f in self._folders]
        title = f"{states.count('done')} of {len(states)} points done"
        left = minutes_left([read(f / STATE) for f in self._folders], self._jobs)
        table = Table(*COLUMNS, title=title + (f", about {left:.0f} minutes left" if left is not None else ""), box=None)
        for point, folder in zip(self._points, self._folders, strict=True):
            table.add_row(*_cells(point, folder), style=STYLES.get(_state(folder), "dim"))
        return table


def minutes_left(states: Sequence[Mapping], jobs: int, now: float | None = None) -> float | None:
    """From what the finished points took; None before there is one."""
    took = [s["minutes"] for s in states if s.get("state") == "done" and "minutes" in s]
    if not took:
        return None
    each = sum(took) / len(took)
    begun = [((now or time.time()) - s["began"]) / 60 for s in states if s.get("state") == "running"]
    waiting = sum(s.get("state") not in ("done", "failed", "running") for s in states)
    return (waiting * each + sum(max(0.0, each - b) for b in begun)) / jobs


def _state(folder: Path) -> str:
    return read(folder / STATE).get("state", "waiting")


def _cells(point: Point, folder: Path) -> list[str]:
    rows = {row.get("metric"): row for row in point_rows(folder)}
    name = " ".join(f"{key.split('.')[-1]}={value}" for key, value in point.varied.items()) or point.key
    success, answers = (_percent(rows.get(metric)) for metric in ("success", "answers"))
    state = read(folder / STATE)
    minutes = f"{state['minutes']:.1f}" if "minutes" in state else ""
    return [name, f"{_state(folder)}{': ' + state['error'] if state.get('error') else ''}", success, answers, minutes]


def _percent(row: Mapping | None) -> str:
    return f"{100 * row['value']:.0f} % [{100 * row['low']:.0f}-{100 * row['high']:.0f}]" if row else ""

"""What a run shows while it goes on: a live panel on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from experiments.results import Result
from experiments.scoring import Rate, score_trials
from experiments.workers import Event, Said


def percent(rate: Rate) -> str:
    """`54 % [29-77]`."""
    return f"{100 * rate.value:.0f} % [{100 * rate.low:.0f}-{100 * rate.high:.0f}]"


def result_line(row: Result) -> str:
    """One finished trial as a line of text."""
    if not row.counted:
        return f"trial {row.trial:4d}  {row.outcome:8s} {row.error or ''}"
    infer = f"  {row.infer_ms_p50:.0f} ms/inference" if row.infer_ms_p50 is not None else ""
    return f"trial {row.trial:4d}  {row.outcome:8s} {row.steps_done}/{row.steps} steps  {row.seconds:5.1f} s{infer}"


def score_line(rows: Sequence[Result]) -> str:
    """The score so far of one task, from those of its rows that count."""
    counted = [row for row in rows if row.counted]
    errors = len(rows) - len(counted)
    if not counted:
        return f"no trial finished yet, {errors} errors"
    score = score_trials([row.steps_done for row in counted], counted[0].steps)
    steps = " ".join(f"{c}/{score.trials}" for c in score.counts)
    return f"Avg. Len. {percent(score.avg_len)}  success {percent(score.success)}  per step {steps}  errors {errors}"


class Display:
    """Shows the progress of a run over `trials` (task -> how many); use as a context manager and `show` every event."""

    def __init__(self, title: str, trials: Mapping[str, int], done: Sequence[Result] = (), console: Console | None = None) -> None:
        self.console = console or Console()
        self._title, self._trials = title, dict(trials)
        self._width = max(map(len, trials)) if len(trials) > 1 else 0
        self._rows: dict[str, list[Result]] = {env: [row for row in done if row.env == env] for env in trials}
        self._before, self._start = len(done), time.monotonic()
        self._said: dict[tuple[str, int], Said] = {}
        self._progress = Progress(BarColumn(None), MofNCompleteColumn(), TextColumn("trials"), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        self._task = self._progress.add_task("trials", total=sum(trials.values()), completed=len(done))
        self._live = Live(self, console=self.console, refresh_per_second=4) if self.console.is_terminal else None

    def __enter__(self) -> Display:
        if self._live:
            self._live.start()
        else:
            total = sum(self._trials.values())
            self._say(f"{self._title}: {total} trials" + (f", {self._before} done before" if self._before else ""))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._live:
            self._live.stop()

    def show(self, event: Event) -> None:
        """Take in an event."""
        if isinstance(event, Said):
            self._said[event.env, event.trial] = event
            return
        self._said.pop((event.env, event.trial), None)
        self._rows[event.env].append(event)
        self._progress.update(self._task, completed=self._finished)
        (self._live.console.print if self._live else self._say)(self._named(event.env) + result_line(event), highlight=False)
        if not self._live:
            self._say(f"    {score_line(self._rows[event.env])}  {self._speed()}")

    @property
    def _finished(self) -> int:
        return sum(map(len, self._rows.values()))

    def _say(self, text: str, highlight: bool = False) -> None:
        self.console.print(text, highlight=highlight, soft_wrap=True, markup=False)

    def _named(self, env: str) -> str:
        return f"{env:{self._width}}  " if self._width else ""

    def _speed(self) -> str:
        speed = (self._finished - self._before) / max(time.monotonic() - self._start, 1e-9) * 60
        whole = f"{self._finished}/{sum(self._trials.values())} trials, " if self._width else ""
        return f"{whole}{speed:.1f} trials/min"

    def __rich__(self) -> Panel:
        scores = Table.grid(padding=(0, 2))
        for env, rows in self._rows.items():
            if rows or not self._width:
                scores.add_row(*([env, f"{len(rows)}/{self._trials[env]}"] if self._width else []), score_line(rows))
        saying = Table.grid(padding=(0, 2))
        for said in sorted(self._said.values(), key=lambda s: (s.env, s.trial)):
            saying.add_row(f"{self._named(said.env)}trial {said.trial}", f"{said.steps_done} done", Text(said.text or "…", style="italic"))
        return Panel(Group(self._progress, scores, Text(self._speed()), saying), title=self._title, border_style="dim")

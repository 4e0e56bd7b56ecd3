"""Tables 2, 3 and 4 as the paper prints them, for any policy's scores: a line per policy, a column per step or task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from experiments.protocol import PAPER_POLICIES, ROWS, Row, paper_score
from experiments.scoring import Rate, Score, rate

Scores = Mapping[str, Score]  # of one policy: env -> score
MISSING = "-"


@dataclass(frozen=True)
class PaperTable:
    """`heads`: lines of headings as (text, columns that it spans); `lines`: a method's name and its cells."""

    title: str
    heads: tuple[tuple[tuple[str, int], ...], ...]
    lines: tuple[tuple[str, ...], ...]


def paper_scores(policy: str) -> Scores:
    """What the paper reports for one of its policies."""
    return {row.env: paper_score(row, policy) for row in ROWS}


def paper_tables(methods: Sequence[tuple[str, Scores]], groups: Sequence[str]) -> list[PaperTable]:
    """Tables of the given groups (direct, planner, multitask): the paper's policies first, then `methods`."""
    lines = [*((policy, paper_scores(policy)) for policy in PAPER_POLICIES), *methods]
    return [_TABLES[group]([row for row in ROWS if row.group == group], lines) for group in groups]


def total(rows: Sequence[Row], scores: Scores) -> Rate | None:
    """Successes over all trials of the rows that were run: Table 4's last column; None where none was."""
    run = [scores[row.env] for row in rows if row.env in scores]
    return rate(sum(s.counts[-1] for s in run), sum(s.trials for s in run)) if run else None


def _step_table(number: int, caption: str, average: str) -> Callable[[list[Row], list[tuple[str, Scores]]], PaperTable]:
    """Table 2 or 3: each step's rate and Avg. Len. of each task."""

    def table(rows: list[Row], methods: list[tuple[str, Scores]]) -> PaperTable:
        tasks = (("Method", 1), *((f"Task {row.tasks}", len(row.steps) + 1) for row in rows))
        steps = (("", 1), *((text, 1) for row in rows for text in (*(str(i) for i in range(1, len(row.steps) + 1)), average)))
        lines = tuple((name, *(cell for row in rows for cell in _rates(row, scores.get(row.env)))) for name, scores in methods)
        legend = " ".join(f"Task {row.tasks}: {row.instruction}" for row in rows)
        return PaperTable(f"Table {number}: {caption} {legend}", (tasks, steps), lines)

    return table


def _task_table(rows: list[Row], methods: list[tuple[str, Scores]]) -> PaperTable:
    """Table 4: successes over trials of each task, and of all."""
    scenes = (("Method", 1), *((scene.capitalize(), len(list(of))) for scene, of in groupby(row.scene for row in rows)), ("Avg", 1))
    tasks = (("", 1), *((f"Task {row.tasks}", 1) for row in rows), ("", 1))
    lines = []
    for name, scores in methods:
        cells = [_fraction(scores[row.env].success) if row.env in scores else MISSING for row in rows]
        everything = total(rows, scores)
        lines.append((name, *cells, _fraction(everything) if everything else MISSING))
    return PaperTable("Table 4: Multi-tasking.", (scenes, tasks), tuple(lines))


def _rates(row: Row, score: Score | None) -> list[str]:
    if score is None or not score.trials:
        return [MISSING] * (len(row.steps) + 1)
    return [*(f"{count / score.trials:.2f}" for count in score.counts), f"{score.avg_len.value:.2f}"]


def _fraction(success: Rate) -> str:
    return f"{round(success.value * success.trials)}/{success.trials}"


_TABLES = {
    "direct": _step_table(2, "Long-horizon tasks with direct prompting.", "Avg. Len."),
    "planner": _step_table(3, "Long-horizon tasks with a high-level planner.", "Avg"),
    "multitask": _task_table,
}

"""The report of a group of tasks: the paper's tables with ours below them, every interval, and links to the tasks' reports."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from envs.names import PLANNER
from experiments import pushes
from experiments.failures import show
from experiments.failures.counts import Tally
from experiments.paper_tables import PaperTable, Scores, paper_scores, paper_tables, total
from experiments.protocol import PAPER, PAPER_POLICIES, PROTOCOL_VERSION, ROWS, find_row
from experiments.report import CAVEAT, facts, failures_section, latency
from experiments.report_style import document, html_table, md_table, section
from experiments.results import RESULTS_FILE, Result, read
from experiments.scoring import Rate, Score, rate, score_trials
from experiments.summary import Summary, beside_folder, label, summarise, to_json

GROUPS = ("direct", "planner", "multitask")


@dataclass(frozen=True)
class Tables:
    """All that the report says: `methods` are the policies that were run, the one of this run last."""

    summaries: tuple[Summary, ...]
    methods: tuple[tuple[str, Scores], ...]

    @property
    def groups(self) -> list[str]:
        """The paper's tables that have a column for some task of this run."""
        rows = [find_row(summary.env) for summary in self.summaries]
        return [group for group in GROUPS if any(row and row.group == group for row in rows)]

    @property
    def errors(self) -> int:
        """Rows that are no trials."""
        return sum(len(summary.errors) for summary in self.summaries)

    @property
    def steps(self) -> Rate:
        """Steps done over steps tried, in all tasks; its interval is over trials."""
        return _mean([(s.score.avg_len.value, s.score.trials) for s in self.summaries])

    @property
    def failures(self) -> dict[str, Tally]:
        """How the trials of each task failed, of those that tell."""
        return {s.env: found for s in self.summaries if (found := s.failures)}

    @property
    def questions(self) -> tuple[int, int] | None:
        """Right answers and questions about held-out scenes of all tasks; None where none were asked."""
        asked = [s.questions["overall"] for s in self.summaries if s.questions]
        return (sum(q["correct"] for q in asked), sum(q["n"] for q in asked)) if asked else None

    @property
    def successes(self) -> Rate:
        """Trials with all steps done over trials, in all tasks."""
        return _mean([(s.score.success.value, s.score.trials) for s in self.summaries])


def write_table_report(out: Path, envs: Sequence[str], beside: Sequence[Path] = ()) -> str:
    """Write OUT/report.md, report.html and summary.json from the rows in OUT/<env>; gives one line that sums them up."""
    tables = gather(out, envs, beside)
    (out / "summary.json").write_text(json.dumps(group_json(tables), indent=1, ensure_ascii=False) + "\n")
    (out / "report.md").write_text(markdown(tables))
    (out / "report.html").write_text(page(tables))
    return headline(tables)


def gather(out: Path, envs: Sequence[str], beside: Sequence[Path]) -> Tables:
    """Scores of this run and of the ones to show beside it."""
    summaries = tuple(summarise(out / env) for env in envs)
    methods = [method for folder in beside if (method := _method(folder, envs))]
    ours = {s.env: s.score for s in summaries if s.score.trials}
    return Tables(summaries, (*methods, (_name([s.rows[0] for s in summaries]), ours)))


def headline(tables: Tables) -> str:
    """`expert: 176 trials of 19 tasks; Avg. Len. 0.99 [0.97-1.00]; all steps 171/176; Table 4 105/107; 0 errors`."""
    name, scores = tables.methods[-1]
    multitask = total([row for row in ROWS if row.group == "multitask"], scores)
    fourth = f"; Table 4 {_fraction(multitask)}" if multitask else ""
    return (
        f"{name}: {tables.steps.trials} trials of {_tasks(tables)}; Avg. Len. {_interval(tables.steps)}; "
        f"all steps {_fraction(tables.successes)}{fourth}; {tables.errors} errors"
    )


def task_lines(tables: Tables) -> list[list[str]]:
    """Header and lines: each task's numbers with their intervals, and the paper's best beside them."""
    asked = ["questions right"] if tables.questions else []
    lines = [["task", "trials", "Avg. Len.", "steps done per trial", "all steps", "errors", *asked, "ChatVLA (paper)"]]
    for s in tables.summaries:
        row = find_row(s.env)
        paper = _interval(paper_scores("ChatVLA")[s.env].avg_len) + f" of {row.trials}" if row else "-"
        mean = f"{s.score.mean_steps_done:.2f} of {len(s.steps)}"
        success = f"{_fraction(s.score.success)} {_bounds(s.score.success)}"
        right = [f"{s.questions['overall']['correct']}/{s.questions['overall']['n']}" if s.questions else "-"] if asked else []
        lines.append([s.env, str(s.score.trials), _interval(s.score.avg_len), mean, success, str(len(s.errors)), *right, paper])
    return lines


def markdown(tables: Tables) -> str:
    """The report as Markdown."""
    parts = [f"# {_title(tables)}", headline(tables) + ".", f"{CAVEAT} {_note(tables)}"]
    for table in paper_tables(_here(tables), tables.groups):
        parts += [f"**{table.title}**", md_table(_flat(table))]
    head, *lines = task_lines(tables)
    linked = [[f"[{env}]({env}/report.md)", *rest] for env, *rest in lines]
    parts += ["## Each task, with 95 % intervals", md_table([head, *linked])]
    if found := tables.failures:
        kinds = show.meanings(show.present(found.values()))
        parts += ["## Failures by kind", md_table(show.task_table(found)), show.NOTE, "\n".join(f"- {kind}: {meaning}" for kind, meaning in kinds)]
    parts += ["## Provenance", "\n".join(f"- {name}: {text}" for name, text in _facts(tables))]
    return "\n\n".join(parts) + "\n"


def page(tables: Tables) -> str:
    """The report as one HTML file; the tasks' reports lie beside it."""
    tiles = [
        (f"{tables.steps.value:.2f}", "Avg. Len. over all trials", f"95 % {tables.steps.low:.2f}-{tables.steps.high:.2f}"),
        (_fraction(tables.successes), "trials with all steps done", f"95 % {tables.successes.low:.2f}-{tables.successes.high:.2f}"),
        (str(len(tables.summaries)), "tasks", f"{tables.errors} errors outside the rates"),
    ]
    if tables.questions:
        tiles.append(("{}/{}".format(*tables.questions), "questions answered right", "about scenes of test layouts"))
    body = [
        f"<header><p class='kind'>{PROTOCOL_VERSION}</p><h1>{html.escape(tables.methods[-1][0])} <span>{_tasks(tables)}</span></h1></header>",
        "<section class='tiles'>" + "".join(f"<div><b>{a}</b><span>{b}</span><small>{c}</small></div>" for a, b, c in tiles) + "</section>",
        *(section(html.escape(t.title.split(".")[0]), _html(t)) for t in paper_tables(_here(tables), tables.groups)),
        section("Each task, with 95 % intervals", _linked(html_table(task_lines(tables)), tables) + f"<p class='note'>{CAVEAT} {html.escape(_note(tables))}</p>"),
        *([failures_section(show.task_bars(f), show.task_table(f), show.present(f.values()))] if (f := tables.failures) else []),
        section("Provenance", "<dl>" + "".join(f"<dt>{k}</dt><dd>{html.escape(v)}</dd>" for k, v in _facts(tables)) + "</dl>"),
    ]
    return document(_title(tables), body)


def group_json(tables: Tables) -> dict[str, Any]:
    """What summary.json holds: each task's own summary, all scores by policy, and the total of Table 4."""
    rows = [row for row in ROWS if row.group == "multitask"]
    methods = [*((name, "paper", paper_scores(name)) for name in PAPER_POLICIES), *((name, "here", s) for name, s in tables.methods)]
    return {
        "protocol": PROTOCOL_VERSION,
        "policy": tables.methods[-1][0],
        "n_episodes": tables.steps.trials,
        "avg_len": round(tables.steps.value, 4),
        "n_success": round(tables.successes.value * tables.successes.trials),
        "errors": tables.errors,
        "questions": dict(zip(("correct", "n"), tables.questions, strict=True)) if tables.questions else None,
        "paper_source": PAPER,
        "methods": [
            {"name": name, "source": source, "scores": {env: asdict(s) for env, s in scores.items()}, "table4": asdict(t) if (t := total(rows, scores)) else None}
            for name, source, scores in methods
        ],
        "tasks": {s.env: to_json(s) for s in tables.summaries},
    }


def _method(folder: Path, envs: Sequence[str]) -> tuple[str, Scores] | None:
    """Name and scores of another run's OUT, or None where it has none of these tasks."""
    found: dict[str, Score] = {}
    first: list[Result] = []
    for env in envs:
        rows = [row for row in read(beside_folder(folder, env) / RESULTS_FILE) if row.counted and row.env == env]
        if rows:
            first.append(rows[0])
            found[env] = score_trials([row.steps_done for row in rows], rows[0].steps)
    return (_name(first), found) if found else None


def _name(rows: Sequence[Result]) -> str:
    """The label of a run by a row of each of its tasks: only the chains' tell who planned."""
    return label(next((row for row in rows if row.env in PLANNER), rows[0]))


def _here(tables: Tables) -> list[tuple[str, Scores]]:
    return [(f"{name}, here", scores) for name, scores in tables.methods]


def _title(tables: Tables) -> str:
    return f"{tables.methods[-1][0]} · {_tasks(tables)}"


def _tasks(tables: Tables) -> str:
    return "1 task" if len(tables.summaries) == 1 else f"{len(tables.summaries)} tasks"


def _note(tables: Tables) -> str:
    return f"Steps done per trial is what CALVIN calls average length. Paper: {PAPER}."


def _facts(tables: Tables) -> list[tuple[str, str]]:
    """What all tasks have in common: the first one's facts, less those about itself."""
    own = ("instruction", "steps done per trial", "config", "planner", "inference", "a real arm")
    planner = next((dict(facts(s))["planner"] for s in tables.summaries if s.rows[0].planner != "none"), "none")
    rows = [row for s in tables.summaries for row in s.counted]
    return [*((k, v) for k, v in facts(tables.summaries[0]) if k not in own), ("inference", latency(rows)), ("planner", planner), ("a real arm", pushes.told(rows))]


def _flat(table: PaperTable) -> list[list[str]]:
    """Markdown has one line of headings: the others go below it."""
    heads = [[cell for text, span in head for cell in (text, *[""] * (span - 1))] for head in table.heads]
    return [heads[0], *([f"*{cell}*" if cell else "" for cell in head] for head in heads[1:]), *map(list, table.lines)]


def _html(table: PaperTable) -> str:
    top = "".join("<tr>" + "".join(f"<th{f' class=span colspan={span}' if span > 1 else ''}>{html.escape(text)}</th>" for text, span in head) + "</tr>" for head in table.heads)
    lines = "".join(
        f"<tr{' class=ours' if line is table.lines[-1] else ''}>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>" for line in table.lines
    )
    legend = table.title.split(".", 1)[1].strip()
    return f"<p class='note'>{html.escape(legend)}</p><div class='scroll'><table><thead>{top}</thead><tbody>{lines}</tbody></table></div>"


def _linked(table: str, tables: Tables) -> str:
    for summary in tables.summaries:
        table = table.replace(f"<td>{summary.env}</td>", f"<td><a href='{summary.env}/report.html'>{summary.env}</a></td>", 1)
    return table


def _mean(parts: Sequence[tuple[float, int]]) -> Rate:
    return rate(sum(value * trials for value, trials in parts), sum(trials for _, trials in parts))


def _fraction(success: Rate) -> str:
    return f"{round(success.value * success.trials)}/{success.trials}"


def _interval(value: Rate) -> str:
    return f"{value.value:.2f} {_bounds(value)}"


def _bounds(value: Rate) -> str:
    return f"[{value.low:.2f}-{value.high:.2f}]"

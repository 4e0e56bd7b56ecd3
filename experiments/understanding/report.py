"""The report of understanding: our line under the paper's Table 1, then every number with what it rests on."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.report_style import document, html_table, md_table, section
from experiments.understanding.benchmarks import BENCHMARKS, TABLE_1
from experiments.understanding.paper import MME_NOTE, SOURCE, paper_lines
from experiments.understanding.scores import Scored

SUMMARY = "summary.json"
OPENVLA_NOTE = "OpenVLA's zeros are answers without any form; compare the share of valid answers."
PARTIAL_NOTE = "* not the whole benchmark: fewer questions than its full set, see below."


@dataclass(frozen=True)
class Run:
    """A policy's results; `facts`: name -> text, where they come from. `beside`: (policy, benchmark -> number) of other runs."""

    policy: str
    protocol: str
    results: tuple[Scored, ...]
    stamps: Mapping[str, Mapping[str, Any]]
    facts: Mapping[str, str]
    beside: tuple[tuple[str, Mapping[str, float]], ...] = ()


def write_report(out: Path, run: Run) -> str:
    """Write OUT/report.md, report.html and summary.json; gives one line that sums them up."""
    (out / SUMMARY).write_text(json.dumps(to_json(run), indent=1, ensure_ascii=False) + "\n")
    (out / "report.md").write_text(markdown(run))
    (out / "report.html").write_text(page(run))
    return headline(run)


def headline(run: Run) -> str:
    """`chatvla_tiny, chatvla_release: TextVQA 71.2, MMMU 37.4; 0 corrupt rows, 0 errors`."""
    scores = ", ".join(f"{r.benchmark.title} {_number(r.total.value)}" for r in run.results)
    corrupt, errors = sum(len(r.corrupt) for r in run.results), sum(len(r.errors) for r in run.results)
    return f"{run.policy}, {run.protocol}: {scores}; {corrupt} corrupt rows, {errors} errors"


def table_lines(run: Run) -> list[list[str]]:
    """Header, the paper's rows, those of other runs, and ours."""
    order = [name for name in BENCHMARKS if any(r.benchmark.name == name for r in run.results)]
    ours = {r.benchmark.name: _number(r.total.value) + ("" if r.whole else "*") for r in run.results}
    lines = [["method", "params", *(BENCHMARKS[name].title for name in order)]]
    lines += [[*method, *(_number(value) for value in values)] for method, values in paper_lines(order)]
    lines += [[f"{name}, here", "", *(_number(values.get(b)) for b in order)] for name, values in run.beside]
    return [*lines, [f"{run.policy}, here", "", *(ours[name] for name in order)]]


def detail_lines(run: Run) -> list[list[str]]:
    """Header and a line per benchmark: the number, its interval, and what tells a babbling model from a wrong one."""
    lines = [["benchmark", "score", "95 %", "valid answers", "best constant answer", "questions", "corrupt", "errors", "s/question", "metric"]]
    for r in run.results:
        interval = f"{_number(r.interval[0])}-{_number(r.interval[1])}" if r.interval else "-"
        valid = f"{r.valid}/{r.questions}" + (f" ({100 * r.valid / r.questions:.0f} %)" if r.questions else "")
        constant = f"{_number(r.floor.value)} ({r.floor.answer!r})" if r.floor.value else "0"
        asked = f"{r.questions}" + (f" of {r.benchmark.size}" if not r.whole else "")
        lines.append(
            [r.benchmark.title, _number(r.total.value), interval, valid, constant, asked, str(len(r.corrupt)), str(len(r.errors)), f"{r.seconds:.2f}", r.benchmark.metric]
        )
    return lines


def left_out_lines(run: Run) -> list[list[str]]:
    """Header and every row outside the scores, by name."""
    rows = [(r, kind, key, why) for r in run.results for kind, found in (("corrupt", r.corrupt), ("error", r.errors)) for key, why in found]
    return [["benchmark", "", "row", "why"], *([r.benchmark.title, kind, key, why] for r, kind, key, why in rows)]


def part_lines(result: Scored) -> list[list[str]]:
    """Header and the parts of a number."""
    return [["part", "score"], *([name, _number(value)] for name, value in result.total.parts.items())]


def markdown(run: Run) -> str:
    """The report as Markdown."""
    parts = [f"# {run.policy} · understanding", headline(run) + ".", md_table(table_lines(run)), " ".join(_notes(run)), "## Every number", md_table(detail_lines(run))]
    if len(left := left_out_lines(run)) > 1:
        parts += ["## Left out", md_table([[cell.replace("|", "\\|") for cell in line] for line in left])]
    for r in run.results:
        if len(r.total.parts) > 1:
            parts += [f"## {r.benchmark.title}, in parts", md_table(part_lines(r))]
    parts += ["## Provenance", "\n".join(f"- {name}: {text}" for name, text in run.facts.items())]
    return "\n\n".join(parts) + "\n"


def page(run: Run) -> str:
    """The report as one HTML file."""
    head = f"<header><p class='kind'>protocol {html.escape(run.protocol)}</p><h1>{html.escape(run.policy)} <span>understanding</span></h1></header>"
    body = [
        head,
        section("Table 1", html_table(table_lines(run), f"{run.policy}, here") + "".join(f"<p class='note'>{html.escape(n)}</p>" for n in _notes(run))),
        section("Every number", html_table(detail_lines(run))),
    ]
    if len(left := left_out_lines(run)) > 1:
        body.append(section("Left out", html_table(left)))
    for r in run.results:
        parts = html_table(part_lines(r)) if len(r.total.parts) > 1 else ""
        examples = html_table([["question", "said", "right", "score"], *([_short(e.question), _short(e.prediction), _short(e.expected), f"{e.score:.2f}"] for e in r.examples)])
        body.append(section(html.escape(r.benchmark.title), parts + examples))
    body.append(section("Provenance", "<dl>" + "".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in run.facts.items()) + "</dl>"))
    return document(f"{run.policy} · understanding", body)


def to_json(run: Run) -> dict[str, Any]:
    """What summary.json holds."""
    results = {r.benchmark.name: r.to_json(run.stamps[r.benchmark.name]) for r in run.results}
    return {"policy": run.policy, "protocol": run.protocol, "facts": dict(run.facts), "paper_source": SOURCE, "benchmarks": results}


def read_numbers(out: Path) -> tuple[str, dict[str, float]] | None:
    """(policy, benchmark -> number) of another run's folder; None where there is none."""
    if not (out / SUMMARY).is_file():
        return None
    values = json.loads((out / SUMMARY).read_text())
    return (values["policy"], {name: b["value"] for name, b in values["benchmarks"].items()}) if "benchmarks" in values else None


def _notes(run: Run) -> list[str]:
    names = {r.benchmark.name for r in run.results}
    notes = ["Ours: exact matching, no language model as judge."]
    notes += [f"Paper: {SOURCE}.", OPENVLA_NOTE] if names & set(TABLE_1) else []
    notes += [MME_NOTE] if "mme" in names else []
    return notes + ([PARTIAL_NOTE] if any(not r.whole for r in run.results) else [])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def _short(text: str, limit: int = 90) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"

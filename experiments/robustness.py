"""The report of what breaks a policy: the same trials under every shift, each beside the trial as trained."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from envs.names import SHIFTS
from experiments.display import percent
from experiments.report_style import document, html_table, md_table, section
from experiments.results import RESULTS_FILE, Result, read
from experiments.scoring import Rate, rate

RESAMPLES = 10_000
MEANING = {
    "none": "as trained",
    "train": "what training may randomise: light, cameras within calibration, tint, friction, all a little",
    "light": "dim, bright, warm, cold, from one side, or a lamp off",
    "camera": "left and right cameras 3-6 cm and 3-6 degrees away, the wrist's 4-8 mm and 1.5-3 degrees",
    "texture": "table, walls and floor of other materials",
    "distractors": "2-4 things of other tasks on the table",
    "layout": "things start up to 4 cm outside the region of training",
    "paraphrase": "the instruction in words that training never says",
}
NOTE = (
    "Every level runs the same trials. Avg. Len. is the mean over trials of steps done / steps, with a 95 % Wilson interval. "
    "The difference to none is taken trial by trial; its interval is a 95 % bootstrap over trials. "
    "An interval that leaves zero out is a factor that matters; one of no width says only that all trials changed alike."
)


@dataclass(frozen=True)
class Difference:
    """Mean over trials that both levels have of (level - none), with its 95 % bootstrap interval; how many got worse, better."""

    value: float
    low: float
    high: float
    trials: int
    worse: int
    better: int


@dataclass(frozen=True)
class Level:
    """One shift: its score, and its difference to `none` (None for `none` itself, and where no trial is in both)."""

    shift: str
    score: Rate
    errors: int
    difference: Difference | None
    reports: tuple[str, ...]  # relative to OUT


def write_robustness(out: Path, envs: Sequence[str], grouped: bool, command: str) -> str:
    """Write OUT's report.md, report.html and summary.json from the rows of OUT/<shift>; gives one line that sums them up."""
    rows = {shift: _rows(out / shift, envs, grouped) for shift in SHIFTS}
    levels = [_level(shift, rows, [f"{shift}/{env}" if grouped else shift for env in envs]) for shift in SHIFTS if rows[shift]]
    first = next(row for some in rows.values() for row in some)
    title = f"{', '.join(envs)} · {first.policy}"
    facts = _facts(first, command)
    (out / "summary.json").write_text(json.dumps(_json(levels, facts), indent=1, ensure_ascii=False) + "\n")
    (out / "report.md").write_text(_markdown(title, levels, facts))
    (out / "report.html").write_text(_page(title, levels, facts))
    return headline(levels)


def paired_difference(none: Mapping[Any, float], level: Mapping[Any, float], seed: int = 0) -> Difference | None:
    """The mean of level - none over the trials (keys) of both; None where there are none.

    The interval: percentiles 2.5 and 97.5 of the means of 10,000 resamples of the trials' differences.
    """
    keys = [k for k in none if k in level]
    if not keys:
        return None
    change = np.array([level[k] - none[k] for k in keys])
    draws = np.random.default_rng(seed).integers(len(change), size=(RESAMPLES, len(change)))
    low, high = np.percentile(change[draws].mean(1), [2.5, 97.5])
    return Difference(float(change.mean()), float(low), float(high), len(keys), int((change < 0).sum()), int((change > 0).sum()))


def headline(levels: Sequence[Level]) -> str:
    """`none 0.92; breaks most: camera -0.54 [-0.71 to -0.36]`, the levels whose interval lies below zero."""
    start = next((f"none {percent(level.score)}" for level in levels if level.shift == "none"), "none is missing")
    broken = sorted((x for x in levels if x.difference and x.difference.high < 0), key=lambda x: x.difference.value if x.difference else 0)
    told = ", ".join(f"{level.shift} {_signed(level.difference)}" for level in broken) or "no level"
    return f"Avg. Len. {start}; broken by: {told}"


def table(levels: Sequence[Level]) -> list[list[str]]:
    """Header and lines: level, what differs, trials, Avg. Len., difference to none, trials that got worse and better, errors."""
    lines = [["level", "trials", "Avg. Len.", "difference to none", "worse", "better", "errors", "what differs"]]
    for level in levels:
        s, d = level.score, level.difference
        score = f"{s.value:.2f} [{s.low:.2f}-{s.high:.2f}]" if s.trials else "-"
        change = [_signed(d), str(d.worse), str(d.better)] if d else ["-", "-", "-"]
        lines.append([level.shift, str(s.trials), score, *change, str(level.errors), MEANING[level.shift]])
    return lines


def _rows(folder: Path, envs: Sequence[str], grouped: bool) -> list[Result]:
    return [row for env in envs for row in read((folder / env if grouped else folder) / RESULTS_FILE)]


def _level(shift: str, rows: Mapping[str, Sequence[Result]], reports: Sequence[str]) -> Level:
    counted = [row for row in rows[shift] if row.counted]
    score = rate(sum(row.progress for row in counted), len(counted))
    difference = None if shift == "none" else paired_difference(_progress(rows["none"]), _progress(counted))
    return Level(shift, score, len(rows[shift]) - len(counted), difference, tuple(reports))


def _progress(rows: Sequence[Result]) -> dict[tuple[str, int], float]:
    return {(row.env, row.trial): row.progress for row in rows if row.counted}


def _signed(d: Difference | None) -> str:
    return f"{d.value:+.2f} [{d.low:+.2f} to {d.high:+.2f}]" if d else "-"


def _facts(first: Result, command: str) -> list[tuple[str, str]]:
    return [
        ("command", command),
        ("trials", f"{first.split} layouts, seed {first.seed}, clock {first.clock}, quality {first.quality}, {first.backend}"),
        ("checkpoint", f"{first.checkpoint} ({first.checkpoint_hash})" if first.checkpoint else "none"),
        ("commit", first.commit or "unknown"),
        ("versions", ", ".join(f"{k} {v}" for k, v in first.versions.items())),
    ]


def _json(levels: Sequence[Level], facts: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {
        "levels": {
            level.shift: {
                "avg_len": round(level.score.value, 4),
                "avg_len_ci95": [round(level.score.low, 4), round(level.score.high, 4)],
                "n_episodes": level.score.trials,
                "errors": level.errors,
                "difference": {k: round(v, 4) for k, v in vars(level.difference).items()} if level.difference else None,
            }
            for level in levels
        },
        **dict(facts),
    }


def _markdown(title: str, levels: Sequence[Level], facts: Sequence[tuple[str, str]]) -> str:
    links = "\n".join(f"- {level.shift}: " + ", ".join(f"[{r}]({r}/report.md)" for r in level.reports) for level in levels)
    parts = [f"# What breaks it: {title}", headline(levels) + ".", md_table(table(levels)), NOTE, "## Each level", links]
    return "\n\n".join([*parts, "## Provenance", "\n".join(f"- {name}: {text}" for name, text in facts)]) + "\n"


def _page(title: str, levels: Sequence[Level], facts: Sequence[tuple[str, str]]) -> str:
    links = "".join(
        f"<li>{level.shift}: " + ", ".join(f"<a href='{r}/report.html'>{html.escape(r)}</a>" for r in level.reports) + "</li>" for level in levels
    )
    body = [
        f"<header><p class='kind'>What breaks it</p><h1>{html.escape(title)}</h1></header>",
        section("Avg. Len. under each shift", _bars(levels) + f"<p class='note'>{html.escape(headline(levels))}.</p>"),
        section("Numbers", html_table(table(levels), mark="none") + f"<p class='note'>{NOTE}</p>"),
        section("Each level", f"<ul>{links}</ul>"),
        section("Provenance", "<dl>" + "".join(f"<dt>{k}</dt><dd>{html.escape(v)}</dd>" for k, v in facts) + "</dl>"),
    ]
    return document(f"What breaks it: {title}", body)


def _bars(levels: Sequence[Level]) -> str:
    """A bar with its interval for each level, and a line at the value of `none` through all of them, as SVG."""
    left, width, row, value = 130, 520, 34, 110
    height = row * len(levels) + 26
    parts = []
    for i, level in enumerate(levels):
        s, y = level.score, row * i + 8
        middle = y + 9
        parts.append(f"<text x='{left - 12}' y='{middle + 5}' text-anchor='end'>{level.shift}</text>")
        if not s.trials:
            parts.append(f"<text class='quiet' x='{left}' y='{middle + 5}'>no trial</text>")
            continue
        parts.append(f"<rect class='track' x='{left}' y='{y}' width='{width}' height='18' rx='3'/>")
        parts.append(f"<rect class='{'plain' if level.shift == 'none' else 'fill'}' x='{left}' y='{y}' width='{width * s.value:.1f}' height='18' rx='3'/>")
        parts.append(f"<path class='interval' d='M{left + width * s.low:.1f} {middle}H{left + width * s.high:.1f}m0 -4v8M{left + width * s.low:.1f} {middle - 4}v8'/>")
        parts.append(f"<text x='{left + width + 14}' y='{middle + 5}'>{s.value:.2f}{f'  ({level.difference.value:+.2f})' if level.difference else ''}</text>")
    none = next((level.score for level in levels if level.shift == "none" and level.score.trials), None)
    if none:
        parts.append(f"<path class='none' d='M{left + width * none.value:.1f} 2V{height - 24}'/>")
    parts += [f"<text class='quiet' x='{left + width * v:.0f}' y='{height - 4}' text-anchor='middle'>{v:g}</text>" for v in (0, 0.25, 0.5, 0.75, 1)]
    style = (
        ".bars text{font:14px system-ui,sans-serif;fill:var(--ink)}.bars .quiet{fill:var(--quiet);font-size:12px}.bars .track{fill:var(--line)}"
        ".bars .fill{fill:var(--accent)}.bars .plain{fill:var(--quiet)}.bars .interval{stroke:var(--ink);fill:none;stroke-width:1.5}"
        ".bars .none{stroke:var(--tick);stroke-width:2;stroke-dasharray:4 3}"
    )
    legend = "<p class='note'>Bar: Avg. Len.; whisker: 95 % interval; dashed: as trained; in brackets the difference to it.</p>"
    return f"<style>{style}</style><svg class='bars' viewBox='0 0 {left + width + value} {height}' width='100%' role='img' aria-label='Avg. Len. under each shift'>{''.join(parts)}</svg>{legend}"

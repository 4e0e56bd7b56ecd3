"""The report of what breaks a policy: the same trials under every shift, each beside the trial as trained, and by task.

Beside test layouts stand as many trials on layouts of training: what is lost between the two is what was learnt by heart.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.display import percent
from experiments.gap_figure import NOTE as TASK_NOTE
from experiments.gap_figure import gap_table, heat_map, interval, signed
from experiments.gaps import LEAST, LEVELS, NONE, SEEN, Level, by_task, levels_of, to_json
from experiments.report_style import document, html_table, md_table, section
from experiments.results import RESULTS_FILE, Result, read

MEANING = {
    "none": "as trained, on test layouts (unless split=train)",
    "seen": "layouts of training, where the policy may have learnt by heart",
    "train": "what training may randomise: light, cameras within calibration, tint, friction, all a little",
    "light": "dim, bright, warm, cold, from one side, or a lamp off",
    "camera": "left and right cameras 3-6 cm and 3-6 degrees away, the wrist's 4-8 mm and 1.5-3 degrees",
    "texture": "table, walls and floor of other materials",
    "distractors": "2-4 things of other tasks on the table",
    "layout": "things start up to 4 cm outside the region of training",
    "paraphrase": "the instruction in words that training never says",
}
NOTE = (
    "Every level runs the same trials, seen as many others. Avg. Len. is the mean over trials of steps done / steps, with a 95 % Wilson interval. "
    "The difference to none is taken trial by trial; its interval is a 95 % bootstrap over trials. That of seen, whose trials are others, is not paired; its interval is Newcombe's. "
    "An interval that leaves zero out is a factor that matters; with fewer than about ten trials it is too narrow, and one of no width says only that all changed alike."
)


def level_options(level: str, split: str) -> dict[str, str] | None:
    """`shift` and `split` of a level of a run on `split`; None where the run has no such level: on layouts of training all are seen."""
    if level != SEEN:
        return {"shift": level, "split": split}
    return {"shift": NONE, "split": "train"} if split == "test" else None


def write_robustness(out: Path, envs: Sequence[str], grouped: bool, command: str) -> str:
    """Write OUT's report.md, report.html and summary.json from the rows of OUT/<level>; gives one line that sums them up."""
    rows = {level: _rows(out / level, envs, grouped) for level in LEVELS}
    levels, tasks = levels_of(rows), by_task(rows)
    links = {level.name: [f"{level.name}/{env}" if grouped else level.name for env in envs if _rows(out / level.name, [env], grouped)] for level in levels}
    first = next(row for some in rows.values() for row in some)
    title = f"{', '.join(envs) if len(envs) < 4 else f'{len(envs)} tasks'} · {first.policy}"
    facts = _facts(first, command)
    told = {"levels": to_json(levels), "tasks": {env: to_json(some) for env, some in tasks.items()}, **dict(facts)}
    (out / "summary.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    (out / "report.md").write_text(_markdown(title, levels, tasks, links, facts))
    (out / "report.html").write_text(_page(title, levels, tasks, links, facts))
    return headline(levels)


def headline(levels: Sequence[Level]) -> str:
    """`Avg. Len. none 92 % [...]; broken by: camera -0.54 [-0.71 to -0.36]`: the levels whose interval lies below zero."""
    start = next((f"none {percent(level.score)}" for level in levels if level.name == NONE), "none is missing")
    start += next((f", seen {signed(level.difference)}" for level in levels if level.name == SEEN and level.difference), "")
    compared = max((x.difference.trials for x in levels if x.difference and x.name != SEEN), default=0)
    if compared < LEAST:
        return f"Avg. Len. {start}; {compared} trials are too few to say what breaks it, expected at least {LEAST}"
    broken = sorted((x for x in levels if x.difference and x.difference.high < 0 and x.name != SEEN), key=lambda x: x.difference.value if x.difference else 0)
    told = ", ".join(f"{level.name} {signed(level.difference)}" for level in broken) or "no level"
    return f"Avg. Len. {start}; broken by: {told}"


def table(levels: Sequence[Level]) -> list[list[str]]:
    """Header and lines: level, trials, Avg. Len., difference to none, trials that got worse and better, errors."""
    lines = [["level", "trials", "Avg. Len.", "difference to none", "worse", "better", "errors"]]
    for level in levels:
        d = level.difference
        change = [signed(d), *("-" if n is None else str(n) for n in (d.worse, d.better))] if d else ["-", "-", "-"]
        lines.append([level.name, str(level.score.trials), interval(level.score), *change, str(level.errors)])
    return lines


def _rows(folder: Path, envs: Sequence[str], grouped: bool) -> list[Result]:
    return [row for env in envs for row in read((folder / env if grouped else folder) / RESULTS_FILE)]


def _facts(first: Result, command: str) -> list[tuple[str, str]]:
    return [
        ("command", command),
        ("trials", f"{first.split} layouts, seed {first.seed}, clock {first.clock}, quality {first.quality}, {first.backend}"),
        ("checkpoint", f"{first.checkpoint} ({first.checkpoint_hash})" if first.checkpoint else "none"),
        ("commit", first.commit or "unknown"),
        ("versions", ", ".join(f"{k} {v}" for k, v in first.versions.items())),
    ]


def _markdown(title: str, levels: Sequence[Level], tasks: Mapping[str, Sequence[Level]], links: Mapping[str, Sequence[str]], facts: Sequence[tuple[str, str]]) -> str:
    told = "\n".join(f"- {name}: {MEANING[name]} (" + ", ".join(f"[{r}]({r}/report.md)" for r in reports) + ")" for name, reports in links.items())
    parts = [f"# What breaks it: {title}", headline(levels) + ".", md_table(table(levels)), NOTE]
    if len(tasks) > 1:
        parts += ["## The gap by task", md_table(gap_table(tasks)), TASK_NOTE]
    return "\n\n".join([*parts, "## Each level", told, "## Provenance", "\n".join(f"- {name}: {text}" for name, text in facts)]) + "\n"


def _page(title: str, levels: Sequence[Level], tasks: Mapping[str, Sequence[Level]], links: Mapping[str, Sequence[str]], facts: Sequence[tuple[str, str]]) -> str:
    told = "".join(
        f"<dt>{name}</dt><dd>{html.escape(MEANING[name])}<br>"
        + " ".join(f"<a href='{r}/report.html'>{html.escape(r)}/report.html</a>" for r in reports) + "</dd>"
        for name, reports in links.items()
    )
    body = [
        f"<header><p class='kind'>What breaks it</p><h1>{html.escape(title)}</h1></header>",
        section("Avg. Len. at each level", _bars(levels) + f"<p class='note'>{html.escape(headline(levels))}.</p>"),
        *([section("The gap by task", heat_map(tasks) + f"<p class='note'>{TASK_NOTE}</p>")] if len(tasks) > 1 else []),
        section("Numbers", html_table(table(levels), mark=NONE) + f"<p class='note'>{NOTE}</p>"),
        section("Each level", f"<dl>{told}</dl>"),
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
        parts.append(f"<text x='{left - 12}' y='{middle + 5}' text-anchor='end'>{level.name}</text>")
        if not s.trials:
            parts.append(f"<text class='quiet' x='{left}' y='{middle + 5}'>no trial</text>")
            continue
        parts.append(f"<rect class='track' x='{left}' y='{y}' width='{width}' height='18' rx='3'/>")
        parts.append(f"<rect class='{'plain' if level.name == 'none' else 'fill'}' x='{left}' y='{y}' width='{width * s.value:.1f}' height='18' rx='3'/>")
        parts.append(f"<path class='interval' d='M{left + width * s.low:.1f} {middle}H{left + width * s.high:.1f}m0 -4v8M{left + width * s.low:.1f} {middle - 4}v8'/>")
        parts.append(f"<text x='{left + width + 14}' y='{middle + 5}'>{s.value:.2f}{f'  ({level.difference.value:+.2f})' if level.difference else ''}</text>")
    none = next((level.score for level in levels if level.name == NONE and level.score.trials), None)
    if none:
        parts.append(f"<path class='none' d='M{left + width * none.value:.1f} 2V{height - 24}'/>")
    parts += [f"<text class='quiet' x='{left + width * v:.0f}' y='{height - 4}' text-anchor='middle'>{v:g}</text>" for v in (0, 0.25, 0.5, 0.75, 1)]
    style = (
        ".bars text{font:14px system-ui,sans-serif;fill:var(--ink)}.bars .quiet{fill:var(--quiet);font-size:12px}.bars .track{fill:var(--line)}"
        ".bars .fill{fill:var(--accent)}.bars .plain{fill:var(--quiet)}.bars .interval{stroke:var(--ink);fill:none;stroke-width:1.5}"
        "dd a{color:var(--quiet)}.bars .none{stroke:var(--tick);stroke-width:2;stroke-dasharray:4 3}"
    )
    legend = "<p class='note'>Bar: Avg. Len.; whisker: 95 % interval; dashed: as trained; in brackets the difference to it.</p>"
    return f"<style>{style}</style><svg class='bars' viewBox='0 0 {left + width + value} {height}' width='100%' role='img' aria-label='Avg. Len. under each shift'>{''.join(parts)}</svg>{legend}"

"""The gap by task: a table of task and level, and the same as a heat map."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from experiments.gaps import LEVELS, NONE, Difference, Level
from experiments.scoring import Rate

# Blue and orange are told apart by the colour-blind too (Okabe and Ito 2008).
BETTER, WORSE = "#0072b2", "#e07b00"
LEFT, CELL, ROW, TOP = 190, 92, 40, 30  # px
LETTER = 7.6  # px, of a letter at 14 px
NOTE = (
    "Under none Avg. Len. itself; the others are differences to it, with 95 % intervals. Orange is worse, blue better, the stronger the more; "
    "bold where the interval leaves zero out over at least six trials. Of many cells, one in twenty does by chance."
)


def gap_table(tasks: Mapping[str, Sequence[Level]]) -> list[list[str]]:
    """Header and lines: task, Avg. Len. of none, and each level's difference to it."""
    names = _names(tasks)
    lines = [["task", *names]]
    for env, levels in tasks.items():
        of = {level.name: level for level in levels}
        lines.append([env, *(_told(of.get(name)) for name in names)])
    return lines


def heat_map(tasks: Mapping[str, Sequence[Level]]) -> str:
    """A line a task, a column a level, as SVG."""
    names = _names(tasks)
    parts = [f"<text class='quiet' x='{LEFT + CELL * (i + 0.5):.0f}' y='{TOP - 10}' text-anchor='middle'>{name}</text>" for i, name in enumerate(names)]
    for row, (env, levels) in enumerate(tasks.items()):
        y = TOP + ROW * row
        parts.append(f"<text x='{LEFT - 10}' y='{y + 25}' text-anchor='end'>{html.escape(_short(env))}</text>")
        of = {level.name: level for level in levels}
        for column, name in enumerate(names):
            parts += _cell(of.get(name), env, LEFT + CELL * column, y)
    style = (
        ".gaps text{font:14px system-ui,sans-serif;fill:var(--ink)}.gaps .quiet{fill:var(--quiet);font-size:13px}.gaps .small{font-size:11px}"
        ".gaps .bold{font-weight:700}.gaps rect{stroke:var(--line);stroke-width:1;fill:none}"
    )
    width, height = LEFT + CELL * len(names), TOP + ROW * len(tasks) + 2
    return f"<style>{style}</style><svg class='gaps' viewBox='0 0 {width} {height}' width='100%' role='img' aria-label='Differences of Avg. Len. by task and level'>{''.join(parts)}</svg>"


def signed(d: Difference | None) -> str:
    """`-0.54 [-0.71 to -0.36]`."""
    return f"{d.value:+.2f} [{d.low:+.2f} to {d.high:+.2f}]" if d else "-"


def interval(score: Rate) -> str:
    """`0.97 [0.72-1.00]`."""
    return f"{score.value:.2f} [{score.low:.2f}-{score.high:.2f}]" if score.trials else "-"


def _names(tasks: Mapping[str, Sequence[Level]]) -> list[str]:
    return [name for name in LEVELS if any(level.name == name for levels in tasks.values() for level in levels)]


def _told(level: Level | None) -> str:
    if level is None:
        return "-"
    told = interval(level.score) if level.name == NONE else signed(level.difference)
    return f"**{told}**" if level.matters else told


def _cell(level: Level | None, env: str, x: int, y: int) -> list[str]:
    """The value over its interval, on the colour of the value; a dash where nothing was measured."""
    middle, box = x + CELL / 2, f"x='{x}' y='{y}' width='{CELL}' height='{ROW}'"
    empty = [f"<rect {box}/>", f"<text class='quiet' x='{middle:.0f}' y='{y + 25}' text-anchor='middle'>-</text>"]
    if level is None:
        return empty
    if level.name == NONE:
        value, low, high, form = level.score.value, level.score.low, level.score.high, ".2f"
        if not level.score.trials:
            return empty
        fill = f"<rect {box}/>"
    else:
        d = level.difference
        if d is None:
            return empty
        value, low, high, form = d.value, d.low, d.high, "+.2f"
        colour, strength = (WORSE if value < 0 else BETTER), min(0.85, 0.85 * abs(value))
        fill = f"<rect {box} style='fill:{colour};fill-opacity:{strength:.2f}'><title>{html.escape(env)}, {level.name}: {signed(d)}</title></rect>"
    bold = " class='bold'" if level.matters else ""
    return [
        fill, f"<text{bold} x='{middle:.0f}' y='{y + 18}' text-anchor='middle'>{value:{form}}</text>",
        f"<text class='small' x='{middle:.0f}' y='{y + 33}' text-anchor='middle'>{low:{form}} to {high:{form}}</text>",
    ]  # fmt: skip


def _short(label: str) -> str:
    most = int((LEFT - 12) / LETTER)
    return label if len(label) <= most else label[: most - 1] + "…"

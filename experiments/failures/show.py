"""Failures by kind as a table and as stacked bars: a bar for each step of a task, or for each task."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from experiments.failures.counts import Distance, Tally
from experiments.failures.kinds import KINDS, MEANING

# Told apart by the colour-blind too (Okabe and Ito 2008, and two of other lightness); white or dark words on them.
COLOURS = {
    "never_near": ("#56b4e9", "#111"), "not_closed": ("#0072b2", "#fff"), "missed_grasp": ("#e69f00", "#111"), "wrong_object": ("#cc79a7", "#111"),
    "lost": ("#c04e00", "#fff"), "placed_wrong": ("#f0e442", "#111"), "stopped_early": ("#8f969e", "#111"), "reflex": ("#9b1c31", "#fff"), "timeout": ("#5a3d8a", "#fff"),
}  # fmt: skip
LEFT, WIDTH, ROW, RIGHT = 210, 520, 32, 96  # px
LETTER = 7.4  # px, of a digit or letter at 13 px
NOTE = (
    "A step that was not done is of the kind of how far it came; later steps of its trial were not reached. "
    "Grasp: distance in cm between the point between the fingers and where the object is grasped, when they first close in a step: median, 95 % bootstrap interval over trials, number."
)


@dataclass(frozen=True)
class Bar:
    """A line of the figure: of `total` trials so many done, the others by kind; what is left was not reached."""

    label: str
    total: int
    done: int
    kinds: Mapping[str, int]


def present(tallies: Iterable[Tally]) -> list[str]:
    """The kinds that occur, in order."""
    counts = [t.kinds for t in tallies]
    return [kind for kind in KINDS if any(c[kind] for c in counts)]


def step_table(found: Tally, steps: Sequence[str]) -> list[list[str]]:
    """Header and lines: for each step the trials that came to it, how they went on, and the distance at the first closing."""
    kinds = present([found])
    lines = [["step", "reached", "done", *map(words, kinds), "grasp, cm"]]
    for step, text in zip(found.steps, steps, strict=True):
        lines.append([text, str(step.reached), str(step.done), *(str(step.kinds.get(k, 0)) for k in kinds), centimetres(step.grasp)])
    if len(steps) > 1:
        lines.append(["all", str(found.trials), str(found.done), *(str(found.kinds[k]) for k in kinds), centimetres(found.grasp)])
    return lines


def task_table(tallies: Mapping[str, Tally]) -> list[list[str]]:
    """Header and lines: the same for each task as a whole."""
    kinds = present(tallies.values())
    lines = [["task", "trials", "done", *map(words, kinds), "grasp, cm"]]
    return lines + [[env, str(t.trials), str(t.done), *(str(t.kinds[k]) for k in kinds), centimetres(t.grasp)] for env, t in tallies.items()]


def step_bars(found: Tally, steps: Sequence[str]) -> str:
    """The figure of one task, as SVG: a bar a step."""
    return bars([Bar(text, found.trials, s.done, s.kinds) for s, text in zip(found.steps, steps, strict=True)])


def task_bars(tallies: Mapping[str, Tally]) -> str:
    """The figure of several tasks, as SVG: a bar a task."""
    return bars([Bar(env, t.trials, t.done, t.kinds) for env, t in tallies.items()])


def meanings(kinds: Iterable[str]) -> list[tuple[str, str]]:
    """(kind, what it means) of these kinds, in words."""
    return [(words(kind), MEANING[kind]) for kind in kinds]


def words(kind: str) -> str:
    """`missed_grasp` -> `missed grasp`."""
    return kind.replace("_", " ")


def centimetres(found: Distance | None) -> str:
    """`0.4 [0.3-0.5], n 40`."""
    return f"{found.median:.1f} [{found.low:.1f}-{found.high:.1f}], n {found.n}" if found else "-"


def bars(lines: Sequence[Bar]) -> str:
    """Stacked bars, each as wide as its trials, with counts in them and a legend of the kinds that occur."""
    shown = [kind for kind in KINDS if any(line.kinds.get(kind) for line in lines)]
    parts, top = _legend(shown)
    for i, line in enumerate(lines):
        y = top + ROW * i
        parts.append(f"<text x='{LEFT - 12}' y='{y + 16}' text-anchor='end'>{html.escape(_short(line.label))}<title>{html.escape(line.label)}</title></text>")
        parts.append(f"<rect class='rest' x='{LEFT}' y='{y}' width='{WIDTH}' height='22'/>")
        x = float(LEFT)
        for kind, count in [("done", line.done), *((k, line.kinds.get(k, 0)) for k in shown)]:
            width = WIDTH * count / max(line.total, 1)
            parts += _segment(kind, count, x, y, width) if count else []
            x += width
        parts.append(f"<text class='num' x='{LEFT + WIDTH + 12}' y='{y + 16}'>{line.done}/{line.total} done</text>")
    height = top + ROW * len(lines)
    style = (
        ".kinds text{font:14px system-ui,sans-serif;fill:var(--ink)}.kinds .in,.kinds .key{font-size:13px}.kinds .num{fill:var(--quiet)}"
        ".kinds rect{stroke:var(--card);stroke-width:1}.kinds .rest{fill:none;stroke:var(--line)}.kinds .done{fill:var(--line)}"
    )
    label = "What became of the trials: done, and failures by kind"
    return f"<style>{style}</style><svg class='kinds' viewBox='0 0 {LEFT + WIDTH + RIGHT} {height}' width='100%' role='img' aria-label='{label}'>{''.join(parts)}</svg>"


def _segment(kind: str, count: int, x: float, y: int, width: float) -> list[str]:
    fill, ink = COLOURS.get(kind, ("", "var(--ink)"))
    colour = f" fill='{fill}'" if fill else " class='done'"
    parts = [f"<rect{colour} x='{x:.1f}' y='{y}' width='{width:.1f}' height='22'><title>{words(kind)}: {count}</title></rect>"]
    if width > LETTER * len(str(count)) + 3:
        parts.append(f"<text class='in' style='fill:{ink}' x='{x + width / 2:.1f}' y='{y + 16}' text-anchor='middle'>{count}</text>")
    return parts


def _legend(shown: Sequence[str]) -> tuple[list[str], int]:
    """The keys in lines above the bars, and where these begin."""
    parts, x, y = [], LEFT, 2
    for kind in ("done", *shown):
        width = 20 + LETTER * len(kind) + 16
        if x + width > LEFT + WIDTH + RIGHT and x > LEFT:
            x, y = LEFT, y + 22
        colour = f"fill='{COLOURS[kind][0]}'" if kind in COLOURS else "class='done'"
        parts += [f"<rect {colour} x='{x:.0f}' y='{y}' width='13' height='13'/>", f"<text class='key' x='{x + 19:.0f}' y='{y + 11}'>{words(kind)}</text>"]
        x += width
    return parts, y + 28


def _short(label: str) -> str:
    """As much of a label as there is room for."""
    most = int((LEFT - 12) / LETTER)
    return label if len(label) <= most else label[: most - 1] + "…"

"""Figures for a talk: rates as dots with their intervals, the paper's number as a hollow diamond, colours that everyone can tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import NDArray
from PIL import Image

# Okabe & Ito, "Color Universal Design" (2008): told apart with any colour vision. Grey is for what is not ours.
BLUE, RED, GREEN, ORANGE, PINK, SKY, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#7A8088"
COLOURS = (BLUE, RED, GREEN, ORANGE, PINK, SKY)
INK, FAINT = "#24292F", "#D9DDE2"
DASHES = ("--", ":", "-.")  # of controls
LINES = ("-", *DASHES)
STYLE: Any = {
    "figure.dpi": 100, "figure.facecolor": "white", "savefig.dpi": 100, "font.size": 10, "text.color": INK, "axes.labelcolor": INK,
    "axes.edgecolor": FAINT, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 11, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.titlepad": 10, "axes.grid": True, "axes.axisbelow": True, "grid.color": FAINT, "grid.linewidth": 0.7,
    "xtick.color": GREY, "ytick.color": INK, "xtick.labelcolor": GREY, "ytick.labelcolor": INK, "xtick.bottom": False, "ytick.left": False,
    "legend.frameon": False, "legend.fontsize": 9, "lines.linewidth": 2,
}  # fmt: skip
styled = rc_context(STYLE)


@dataclass(frozen=True)
class Picture:
    """An image (H, W, 3) uint8 that a notebook shows as JPEG: a sheet of scenes as PNG takes ten times the room."""

    pixels: NDArray[np.uint8]
    quality: int = 82

    def __repr__(self) -> str:
        return f"Picture of {self.pixels.shape[1]} x {len(self.pixels)}"

    def _repr_jpeg_(self) -> bytes:
        stream = BytesIO()
        Image.fromarray(self.pixels).save(stream, "JPEG", quality=self.quality, optimize=True)
        return stream.getvalue()


def shrunk(pixels: NDArray[np.uint8], width: int) -> Picture:
    """The image at `width` pixels, to be shown."""
    height = round(len(pixels) * width / pixels.shape[1])
    return Picture(np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)))


@styled
def dots(
    means: pd.DataFrame, metrics: Mapping[str, str], arms: Mapping[str, str], points: pd.DataFrame | None = None, marks: pd.DataFrame | None = None, limits: tuple[float, float] | None = (0, 1), kinds: int = len(COLOURS),
) -> Figure:  # fmt: skip
    """A panel a metric, a line an arm: `means` (arm, metric, value, low, high) as dots with whiskers.

    `metrics`, `arms`: name -> what the reader is told, in order; an arm without a value keeps its line. `points` (arm, metric,
    value): single seeds, faint. `marks` (arm, metric, paper): hollow diamonds. `limits` of every panel; None: as the data lie.
    `kinds`: after so many arms the colours begin anew, where an arm's place in its group says what it is.
    """
    figure = Figure(figsize=(3.4 * len(metrics) + 1.6, 0.44 * len(arms) + 1.3), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(metrics), sharey=True))
    places = {arm: len(arms) - 1 - i for i, arm in enumerate(arms)}
    for axes, (metric, title) in zip(panels, metrics.items(), strict=True):
        of = {name: table[(table["metric"] == metric) & table["arm"].isin(arms)] for name, table in (("means", means), ("points", points), ("marks", marks)) if table is not None}
        for i, arm in enumerate(arms):
            for row in of["means"][of["means"]["arm"] == arm].itertuples():
                _dot(axes, row, places[arm], COLOURS[i % kinds], limits)
            if points is not None:
                seeds = of["points"][of["points"]["arm"] == arm]["value"]
                axes.plot(seeds, [places[arm] - 0.24] * len(seeds), "|", color=COLOURS[i % kinds], alpha=0.7, ms=6, mew=1.4)
        if marks is not None:
            axes.plot(of["marks"]["paper"], [places[a] + 0.26 for a in of["marks"]["arm"]], "D", mfc="white", mec=GREY, mew=1.3, ms=5.5)
        _row_axis(axes, title, arms, limits)
    _legend(figure, [("o", "95 % interval" if marks is None else "ours, 95 % interval", INK)] + ([("|", "one seed", INK)] if points is not None else []) + ([("D", "paper", GREY)] if marks is not None else []))
    return figure


@styled
def plane(means: pd.DataFrame, x: str, y: str, arms: Mapping[str, str], labels: tuple[str, str]) -> Figure:
    """Two metrics of `means` (arm, metric, value, low, high) against each other, each arm a cross of its intervals."""
    figure = Figure(figsize=(5.6, 4.4), layout="constrained")
    axes = figure.subplots()
    for i, (arm, text) in enumerate(arms.items()):
        both = [means[(means["arm"] == arm) & (means["metric"] == metric)] for metric in (x, y)]
        if not all(len(part) for part in both):
            continue
        a, b = (part.iloc[0] for part in both)
        colour = COLOURS[i % len(COLOURS)]
        axes.errorbar(a.value, b.value, xerr=_error(a), yerr=_error(b), fmt="o", color=colour, ms=8, lw=1.2, alpha=0.9, label=text)
    if axes.containers:
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)  # beside the points, names of near arms lie on each other
    else:
        axes.text(0.5, 0.5, "no arm has both yet", ha="center", va="center", color=GREY)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=labels[0], ylabel=labels[1])
    return figure


@styled
def tasks(expert: pd.DataFrame, idle: pd.DataFrame, paper: pd.DataFrame, seconds: pd.DataFrame, groups: Mapping[str, Sequence[str]]) -> Figure:
    """Every task by scene: share of steps done (`expert`, `idle`, `paper`: env, value, low, high) and each episode's length.

    `seconds`: env, seconds, a row an episode of the expert. `groups`: scene -> its tasks.
    """
    names = [task for group in groups.values() for task in group]
    figure = Figure(figsize=(9.6, 0.27 * len(names) + 1.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1, 0.8))
    places = {task: len(names) - 1 - i for i, task in enumerate(names)}
    for table, colour, marker, apart in ((idle, RED, "s", 0.0), (paper, GREY, "D", -0.24), (expert, BLUE, "o", 0.24)):
        for row in table.itertuples():
            at = places[str(row.env)] + apart
            left.plot([row.low, row.high], [at, at], color=colour, lw=1.4, alpha=0.45)
            left.plot(row.value, at, marker, mfc="white" if marker == "D" else colour, mec=colour, ms=4.5)
    right.boxplot([seconds[seconds["env"] == n]["seconds"] for n in names], positions=list(places.values()), orientation="horizontal", widths=0.6, manage_ticks=False,
                  boxprops={"color": BLUE}, whiskerprops={"color": BLUE}, capprops={"color": BLUE}, medianprops={"color": ORANGE}, flierprops={"marker": ".", "mec": BLUE, "ms": 3})  # fmt: skip
    edge = len(names)
    for scene, group in groups.items():
        edge -= len(group)
        for axes in (left, right):
            axes.axhline(edge - 0.5, color=FAINT, lw=0.8)
        right.text(1.01, edge + len(group) / 2 - 0.5, scene, transform=right.get_yaxis_transform(), va="center", color=GREY, rotation=270, fontsize=9)
    left.set_yticks(list(places.values()), names)
    left.set(title="Share of steps done", xlim=(-0.03, 1.03), ylim=(-0.6, len(names) - 0.4))
    right.set(title="Episode of the expert, s")
    right.set_xlim(0)
    for axes in (left, right):
        axes.grid(axis="y", visible=False)
    _legend(figure, [("o", "expert", BLUE), ("s", "doing nothing", RED), ("D", "ChatVLA on its robot (paper)", GREY)])
    return figure


@styled
def bars(values: pd.DataFrame, label: str, unit: str = "") -> Figure:
    """Horizontal bars with their extremes: `values` has name, value, low, high, from top to bottom."""
    figure = Figure(figsize=(7.6, 0.34 * len(values) + 1.0), layout="constrained")
    axes = figure.subplots()
    y = np.arange(len(values))[::-1]
    axes.barh(y, values["value"], height=0.62, color=BLUE, alpha=0.85)
    axes.hlines(y, values["low"], values["high"], color=INK, lw=1.4)
    for at, row in zip(y, values.itertuples(), strict=True):
        axes.annotate(f"{row.value:.3g}{unit}", (max(float(str(row.value)), float(str(row.high))), at), (5, 0), textcoords="offset points", va="center", color=INK, fontsize=9)
    axes.set_yticks(y, values["name"])
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_title(label)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.12)
    return figure


@styled
def lines(curves: pd.DataFrame, x: str, y: str, labels: tuple[str, str], panels: str | None = None, dashed: Sequence[str] = (), share_y: bool = True) -> Figure:
    """A line a `name` of `curves` (name, x, y, and low, high where known), a panel a value of column `panels`; `dashed` are grey, each in its own stroke."""
    parts = [("", curves)] if panels is None else list(curves.groupby(panels, sort=False))
    columns = min(len(parts), 4)
    rows = -(-len(parts) // columns)
    figure = Figure(figsize=(max(5.6, 2.9 * columns), max(3.6, 2.3 * rows) + 0.5), layout="constrained")
    places = figure.subplots(rows, columns, sharex=True, sharey=share_y, squeeze=False).ravel()
    names = list(dict.fromkeys(curves["name"]))
    ours = [name for name in names if name not in dashed]
    strokes = {name: DASHES[dashed.index(name) % len(DASHES)] if name in dashed else "-" for name in names}
    for axes, (title, part) in zip(places, parts, strict=False):
        for name in names:
            one = part[part["name"] == name]
            colour = GREY if name in dashed else COLOURS[ours.index(name) % len(COLOURS)]
            axes.plot(one[x], one[y], strokes[name], color=colour, lw=1.3 if panels else 2, marker="o" if len(one) < 12 else "", ms=4)
            if "low" in one:
                axes.fill_between(one[x], one["low"], one["high"], color=colour, alpha=0.15, lw=0)
        axes.set_title(str(title))
    for axes in places[len(parts) :]:
        axes.set_visible(False)
    for axes in places[max(0, len(parts) - columns) : len(parts)]:  # the lowest of each column
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(labels[0])
    figure.supylabel(labels[1], fontsize=10, color=INK)
    _legend(figure, [(strokes[n], n, GREY if n in dashed else COLOURS[ours.index(n) % len(COLOURS)]) for n in names])
    return figure


@styled
def against(pairs: pd.DataFrame, x: str, y: str, labels: tuple[str, str]) -> Figure:
    """Each row of `pairs` (name, x, y) as a dot beside the line on which both are equal, a colour a name."""
    figure = Figure(figsize=(4.8, 4.8), layout="constrained")
    axes = figure.subplots()
    top = 1.05 * float(np.nanmax(pairs[[x, y]].to_numpy())) if len(pairs) else 1.0
    axes.plot([0, top], [0, top], color=FAINT, lw=1.5, zorder=0)
    for i, (name, part) in enumerate(pairs.groupby("name", sort=False)):
        axes.plot(part[x], part[y], "o", color=COLOURS[i % len(COLOURS)], alpha=0.75, ms=6, label=str(name), mec="white", mew=0.6)
    axes.set(xlim=(0, top), ylim=(0, top), xlabel=labels[0], ylabel=labels[1], aspect="equal")
    axes.legend(loc="upper left")
    return figure


def _dot(axes: Axes, row: object, at: float, colour: str, limits: tuple[float, float] | None) -> None:
    """A mean with its interval; arrowheads would lie, so an interval beyond the limits ends at them."""
    value, low, high = (float(getattr(row, name)) for name in ("value", "low", "high"))
    if limits is not None:
        low, high = np.clip([low, high], *limits)
    axes.plot([low, high], [at, at], color=colour, lw=2.2, alpha=0.45, solid_capstyle="round")
    axes.plot(value, at, "o", color=colour, ms=8, mec="white", mew=0.8)


def _error(row: pd.Series) -> list[list[float]]:
    """Distances down and up from the value; none where no interval is known."""
    return [[0 if np.isnan(row.low) else max(0.0, row.value - row.low)], [0 if np.isnan(row.high) else max(0.0, row.high - row.value)]]


def _row_axis(axes: Axes, title: str, arms: Mapping[str, str], limits: tuple[float, float] | None) -> None:
    axes.set_yticks(range(len(arms) - 1, -1, -1), list(arms.values()))
    axes.set(title=title, ylim=(-0.6, len(arms) - 0.4))
    if limits is not None:
        axes.set_xlim(limits[0] - 0.03 * (limits[1] - limits[0]), limits[1] + 0.03 * (limits[1] - limits[0]))
    axes.grid(axis="y", visible=False)


def _legend(figure: Figure, entries: Sequence[tuple[str, str, str]]) -> None:
    handles = [
        Line2D([], [], color=colour, marker="" if kind in LINES else kind, linestyle=kind if kind in LINES else "", mfc="white" if kind == "D" else colour, ms=6)
        for kind, _, colour in entries
    ]
    figure.legend(handles, [text for _, text, _ in entries], loc="outside lower center", ncols=len(entries))

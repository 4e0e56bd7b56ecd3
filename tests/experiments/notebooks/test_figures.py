"""Figures show the numbers that they are given: dots at values, whiskers to intervals, the paper where it is."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from PIL import Image

from experiments.notebooks import figures

ARMS = {"a": "first", "b": "second"}
MEANS = pd.DataFrame([("a", "control", 0.7, 0.5, 1.4, 3), ("b", "control", 0.2, 0.1, 0.3, 3)], columns=["arm", "metric", "value", "low", "high", "n"])


def rounded(values):
    return np.asarray(values, float).round(3).tolist()


def drawn(axes):
    """(marker, x, y) of every line on the axes."""
    return [(line.get_marker(), rounded(line.get_xdata()), rounded(line.get_ydata())) for line in axes.get_lines()]


def test_dots_lie_at_their_values_with_their_intervals_cut_at_the_limits():
    points = pd.DataFrame({"arm": ["a", "a"], "metric": "control", "value": [0.6, 0.8]})
    marks = pd.DataFrame({"arm": ["b"], "metric": "control", "paper": [0.13]})
    figure = figures.dots(MEANS, {"control": "Control"}, ARMS, points, marks)
    lines = drawn(figure.axes[0])
    assert ("o", [0.7], [1]) in lines
    assert ("None", [0.5, 1.0], [1, 1]) in lines
    assert ("|", [0.6, 0.8], [0.76, 0.76]) in lines
    assert ("D", [0.13], [0.26]) in lines
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["first", "second"]


def test_an_arm_without_a_value_keeps_its_line_and_gets_no_dot():
    figure = figures.dots(MEANS[:0], {"control": "Control", "answers": "Answers"}, ARMS)
    assert len(figure.axes) == 2
    assert not drawn(figure.axes[0])


def test_a_plane_shows_arms_that_have_both_metrics():
    both = pd.concat([MEANS, MEANS[:1].assign(metric="answers", value=0.4, low=np.nan, high=np.nan)])
    figure = figures.plane(both, "answers", "control", ARMS, ("x", "y"))
    axes = figure.axes[0]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["first"]
    assert ("o", [0.4], [0.7]) in drawn(axes)


def test_a_plane_without_such_an_arm_says_so():
    axes = figures.plane(MEANS[:0], "answers", "control", ARMS, ("x", "y")).axes[0]
    assert [text.get_text() for text in axes.texts] == ["no arm has both yet"]


def test_colours_begin_anew_after_the_kinds_that_arms_come_in():
    arms = ["a, here", "a, there", "b, here", "b, there"]
    means = pd.DataFrame({"arm": arms, "metric": "m", "value": 0.5, "low": 0.4, "high": 0.6})
    dots = [line for line in figures.dots(means, {"m": "m"}, {a: a for a in arms}, kinds=2).axes[0].get_lines() if line.get_marker() == "o"]
    assert [line.get_color() for line in dots] == [figures.BLUE, figures.RED] * 2


def test_lines_are_grey_where_they_are_controls():
    curves = pd.DataFrame({"name": ["net", "net", "scratch", "scratch"], "step": [0, 10] * 2, "right": [0.1, 0.8, 0.0, 0.2]})
    curves = pd.concat([curves, curves[2:].assign(name="robot")])
    net, scratch, robot = figures.lines(curves, "step", "right", ("x", "y"), dashed=["scratch", "robot"]).axes[0].get_lines()
    assert (net.get_linestyle(), net.get_color()) == ("-", figures.BLUE)
    assert (scratch.get_linestyle(), scratch.get_color()) == ("--", figures.GREY)
    assert (robot.get_linestyle(), robot.get_color()) == (":", figures.GREY)


def test_panels_are_as_many_as_their_column_has_values():
    curves = pd.DataFrame({"joint": ["j1", "j2", "j3"], "name": "net", "x": 0, "y": 1})
    assert [axes.get_title("left") for axes in figures.lines(curves, "x", "y", ("", ""), panels="joint").axes] == ["j1", "j2", "j3"]


def test_bars_say_their_values():
    values = pd.DataFrame({"name": ["ours", "theirs"], "value": [11.2, 150], "low": [11, 148], "high": [12, 155]})
    axes = figures.bars(values, "ms", unit=" ms").axes[0]
    assert [text.get_text() for text in axes.texts] == ["11.2 ms", "150 ms"]
    drawn_bars: Any = axes.patches
    assert [bar.get_width() for bar in drawn_bars] == [11.2, 150]


def test_pairs_lie_beside_the_line_of_equals():
    pairs = pd.DataFrame({"name": ["p", "p"], "sim": [1.0, 2.0], "real": [1.5, 2.5]})
    axes = figures.against(pairs, "sim", "real", ("s", "r")).axes[0]
    assert ("o", [1.0, 2.0], [1.5, 2.5]) in drawn(axes)
    assert axes.get_xlim() == axes.get_ylim()


def test_tasks_stand_under_their_scenes():
    rates = pd.DataFrame({"env": ["t1", "t2"], "value": [1.0, 1.0], "low": [0.9, 0.8], "high": [1.0, 1.0]})
    seconds = pd.DataFrame({"env": ["t1", "t1", "t2"], "seconds": [3.0, 4.0, 9.0]})
    left, right = figures.tasks(rates, rates.assign(value=0.0), rates[:1], seconds, {"toy": ["t1"], "kitchen": ["t2"]}).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["t1", "t2"]
    assert [text.get_text() for text in right.texts] == ["toy", "kitchen"]


def test_a_picture_is_shown_as_jpeg_of_the_width_that_was_asked_for():
    picture = figures.shrunk(np.full((100, 400, 3), 200, np.uint8), 200)
    assert Image.open(BytesIO(picture._repr_jpeg_())).size == (200, 50)
    assert repr(picture) == "Picture of 200 x 50"


def test_the_style_stays_inside_the_figures():
    before = matplotlib.rcParams["axes.titleweight"]
    figures.bars(pd.DataFrame({"name": ["a"], "value": [1.0], "low": [1.0], "high": [1.0]}), "x")
    assert matplotlib.rcParams["axes.titleweight"] == before

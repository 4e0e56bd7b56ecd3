"""A claim holds by the interval of its difference over seeds, and where too few were run nothing is claimed."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from experiments.notebooks import verdicts as v
from experiments.notebooks.verdicts import FEW, HELD, MISSING, OPEN, REVERSED, Claim, mean_over_seeds

CLAIM = Claim("a acts better than b", "control", "a", "b", 0.4)


def points(a, b):
    rows = [(arm, seed, "control", value) for arm, values in (("a", a), ("b", b)) for seed, value in enumerate(values, 1)]
    return pd.DataFrame(rows, columns=["arm", "seed", "metric", "value"])


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        ((0.8, 0.9, 0.85), (0.2, 0.3, 0.3), HELD),
        ((0.2, 0.3, 0.3), (0.8, 0.9, 0.85), REVERSED),
        ((0.1, 0.9, 0.5), (0.5, 0.2, 0.5), OPEN),
        ((0.2, 0.45, 0.55), (0.15, 0.4, 0.5), OPEN),
        ((0.8, 0.9), (0.2, 0.3), FEW),
        ((), (0.2, 0.3, 0.3), MISSING),
    ],
)
def test_a_verdict_is_the_interval_s(a, b, told):
    assert v.verdict(points(a, b), CLAIM) == told


def test_the_interval_is_student_s_over_seeds():
    mean = mean_over_seeds([0.1, 0.2, 0.6])
    assert (mean.value, mean.n) == (pytest.approx(0.3), 3)
    assert mean.high - mean.value == pytest.approx(4.302653 * 0.264575 / math.sqrt(3), rel=1e-5)  # t(2 df) x sd / sqrt(n)
    assert math.isnan(mean_over_seeds([0.5]).low)
    assert math.isnan(mean_over_seeds([0.3, 0.1 + 0.2, 0.3]).high), "coarse values, the same by chance"
    with pytest.raises(ValueError, match="no seed to average"):
        mean_over_seeds([])


def test_differences_are_of_the_seeds_that_both_arms_have():
    assert v.differences(points((0.9, 0.8, 0.7), (0.1, 0.1)), "control", "a", "b") == pytest.approx([0.8, 0.7])


def test_the_table_says_what_the_paper_and_we_found():
    (row,) = v.verdicts(points((0.8, 0.9, 0.85), (0.2, 0.3, 0.2)), [CLAIM]).reset_index().to_dict("records")
    assert (row["paper"], row["seeds"], row["verdict"]) == ("+0.40", 3, "held")
    assert row["ours [95 %]"] == "+0.62 [+0.54, +0.69]"


def test_a_summary_has_a_line_for_each_arm_and_metric():
    found = v.summarise(points((0.8, 0.9), (0.2,)))
    assert found["value"].tolist() == pytest.approx([0.85, 0.2])
    assert found["n"].tolist() == [2, 1]
    assert not len(v.summarise(points((), ())))

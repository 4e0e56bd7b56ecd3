"""Retention has known values, laws, and an interval only where something was known."""

import math

import numpy as np
import pytest

from experiments.forgetting.retention import Marks, retained, retained_by, retention


@pytest.mark.parametrize(
    ("before", "after", "chance", "left"),
    [(0.9, 0.9, 0.3, 1.0), (0.9, 0.3, 0.3, 0.0), (1.0, 0.55, 0.5, 0.1), (0.84, 0.57, 0.35, 22 / 49), (0.9, 0.2, 0.3, -1 / 6), (0.8, 0.9, 0.0, 1.125)],
)
def test_retention_is_what_is_left_above_chance(before, after, chance, left):
    assert retention(before, after, chance) == pytest.approx(left)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_retention_does_not_change_when_the_distance_to_chance_is_rescaled(scale):
    assert retention(0.2 + 0.3 * scale, 0.2 + 0.1 * scale, 0.2) == pytest.approx(1 / 3)


def test_nothing_known_cannot_be_forgotten():
    with pytest.raises(ValueError, match=r"before is 0\.500, guessing gives 0\.500: there is nothing to forget"):
        retention(0.5, 0.1, 0.5)


def marks(before, after, chance=0.0, scenes=None):
    n = len(before)
    return Marks(np.array(before, float), np.array(after, float), np.full(n, chance), scenes or [str(i) for i in range(n)])


def test_the_interval_holds_the_value_and_shrinks_with_scenes():
    rng = np.random.default_rng(0)
    widths = []
    for n in (20, 500):
        after = rng.random(n) < 0.5
        r = retained(marks(np.ones(n), after), rng)
        assert r.low < r.value < r.high
        assert r.value == pytest.approx(after.mean())
        assert r.forgotten == pytest.approx(1 - after.mean())
        widths.append(r.high - r.low)
    assert widths[1] < widths[0] / 3


def test_questions_of_one_scene_are_no_more_evidence_than_the_scene():
    rng = np.random.default_rng(0)
    after = np.repeat(rng.random(20) < 0.5, 50)
    together = retained(marks(np.ones(1000), after, scenes=[str(i // 50) for i in range(1000)]), rng)
    apart = retained(marks(np.ones(1000), after), rng)
    assert together.high - together.low > 5 * (apart.high - apart.low)


def test_there_is_no_interval_when_it_may_be_that_nothing_was_known():
    weak = retained(marks([1, 0, 0, 1, 1, 0, 1], [0] * 7, chance=0.5), np.random.default_rng(0))
    assert math.isnan(weak.low)
    assert math.isnan(weak.high)


def test_groups_are_told_apart_and_an_unknown_one_has_no_value():
    m = marks([1, 1, 0, 0, 1, 1], [1, 1, 0, 0, 0, 0])
    found = retained_by(m, ["a", "a", "b", "b", "c", "c"], np.random.default_rng(0))
    assert {name: r and r.value for name, r in found.items()} == {"a": 1.0, "b": None, "c": 0.0}


def test_marks_of_different_questions_are_refused():
    with pytest.raises(ValueError, match=r"\[2, 1, 2, 2\] marks"):
        Marks(np.ones(2), np.ones(1), np.zeros(2), ["a", "b"])

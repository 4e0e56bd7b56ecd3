"""Pointing answers against a mask written as run lengths."""

import pytest

from experiments.understanding.scorers.points import parse_points, share_in_mask

MASK = {"size": [2, 4], "runs": [1, 2, 3, 1, 1]}  # 0110 / 0010


@pytest.mark.parametrize(
    ("x", "y", "inside"), [(0.3, 0.2, True), (0.7, 0.2, True), (0.1, 0.2, False), (0.9, 0.2, False), (0.6, 0.9, True), (0.4, 0.9, False), (1.0, 0.2, False), (-0.3, 0.2, False)]
)
def test_a_point_is_inside_where_the_mask_is(x, y, inside):
    assert share_in_mask([(x, y)], MASK) == float(inside)


def test_the_share_is_over_all_points_and_nothing_said_is_nothing():
    assert share_in_mask(parse_points("[(0.3, 0.2), (0.1, .2)]"), MASK) == 0.5
    assert parse_points("somewhere on the left") == []
    assert share_in_mask([], MASK) == 0

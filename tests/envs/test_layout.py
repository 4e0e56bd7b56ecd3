"""Layouts are pure functions of a trial; splits never share one."""

import numpy as np
import pytest

from envs.layout import CLEAR_X, CLEAR_Y, LayoutError, Region, sample_layout
from envs.types import ObjectGroup, Trial

GROUPS = (ObjectGroup("animal", 2, ("duck", "pig", "frog")), ObjectGroup("block", 2, ("red", "blue")))
REGION = Region((0.40, 0.68), (-0.17, 0.17), 0.3, {"box": (0.54, 0.33)}, 0.02)


def trial(index=0, split="test", seed=0):
    return Trial("any", index, seed, split)


def test_the_same_trial_gives_the_same_layout():
    assert sample_layout(trial(5), GROUPS, REGION) == sample_layout(trial(5), GROUPS, REGION)


@pytest.mark.parametrize("other", [trial(1), trial(0, seed=1), trial(0, "train")])
def test_another_trial_gives_another_layout(other):
    assert sample_layout(trial(), GROUPS, REGION) != sample_layout(other, GROUPS, REGION)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_layout_belongs_to_the_split_of_its_trial(split):
    assert {sample_layout(trial(i, split), GROUPS, REGION).is_test for i in range(30)} == {split == "test"}


def test_objects_leave_room_for_the_gripper():
    for i in range(50):
        points = [o.pos for o in sample_layout(trial(i), GROUPS, REGION).objects]
        for a in range(4):
            for b in range(a):
                d = np.abs(np.subtract(points[a], points[b]))
                assert d[0] > CLEAR_X or d[1] > CLEAR_Y


def test_roles_follow_the_order_of_kinds():
    for i in range(30):
        kinds = [o.kind for o in sample_layout(trial(i), GROUPS, REGION).objects if o.role.startswith("animal")]
        assert kinds == sorted(kinds, key=GROUPS[0].kinds.index)


def test_too_small_a_region_is_told():
    with pytest.raises(LayoutError, match="no free arrangement of 4 objects"):
        sample_layout(trial(), GROUPS, Region((0.5, 0.51), (0, 0.01), 0, {}, 0))

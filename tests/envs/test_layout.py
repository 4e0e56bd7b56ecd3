"""Layouts are pure functions of a trial; splits never share one."""

from dataclasses import replace

import numpy as np
import pytest

from envs.layout import CLEAR_X, CLEAR_Y, Apart, Layout, LayoutError, Placed, sample_layout
from envs.types import Fixture, ObjectGroup, Region, Split, Task, Trial

GROUPS = (ObjectGroup("animal", 2, ("duck", "pig", "frog")), ObjectGroup("block", 2, ("red", "blue")))
BOX = Fixture("box", ("box",), (0.54, 0.33), yaw=np.pi / 2, jitter=0.02)
REGION = Region((0.40, 0.68), (-0.17, 0.17))


def task(*groups, fixtures=(BOX,)):
    return Task("any", "toy", "", fixtures, groups or GROUPS, (), "", 1)


def trial(index=0, split: Split = "test", seed=0):
    return Trial("any", index, seed, split)


def test_the_same_trial_gives_the_same_layout():
    assert sample_layout(trial(5), task(), REGION) == sample_layout(trial(5), task(), REGION)


@pytest.mark.parametrize("other", [trial(1), trial(0, seed=1), trial(0, "train")])
def test_another_trial_gives_another_layout(other):
    assert sample_layout(trial(), task(), REGION) != sample_layout(other, task(), REGION)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_layout_belongs_to_the_split_of_its_trial(split):
    assert {sample_layout(trial(i, split), task(), REGION).is_test for i in range(30)} == {split == "test"}


def test_objects_leave_room_for_the_gripper():
    for i in range(50):
        points = [o.pos for o in sample_layout(trial(i), task(), REGION).objects]
        for a in range(4):
            for b in range(a):
                d = np.abs(np.subtract(points[a], points[b]))
                assert d[0] > CLEAR_X or d[1] > CLEAR_Y


def test_roles_follow_the_order_of_kinds():
    for i in range(30):
        kinds = [o.kind for o in sample_layout(trial(i), task(), REGION).objects if o.role.startswith("animal")]
        assert kinds == sorted(kinds, key=GROUPS[0].kinds.index)


def test_too_small_a_region_is_told():
    with pytest.raises(LayoutError, match="no free arrangement of 4 objects"):
        sample_layout(trial(), task(), Region((0.5, 0.51), (0, 0.01)))


def test_a_region_on_a_fixture_moves_and_turns_with_it():
    inner = Region((0.02, 0.08), (0, 0), (0, 0), on="box", height=0.1, fixed=True)
    for i in range(20):
        layout = sample_layout(trial(i), task(ObjectGroup("toy", 1, ("duck",), region=inner, numbered=False)), REGION)
        (toy,), (box,) = layout.objects, layout.fixtures
        assert toy.role == "toy"
        assert toy.pos[0] == pytest.approx(box.pos[0])  # the box is turned left: its x is the base's y
        assert 0.02 <= toy.pos[1] - box.pos[1] <= 0.08
        assert (toy.height, toy.yaw) == (0.1, box.yaw)


def test_variants_kept_for_testing_never_show_in_training():
    group = ObjectGroup("toy", 1, ("duck", "pig"), test_kinds=("frog",))
    kinds: dict[Split, set[str]] = {"train": {"duck", "pig"}, "test": {"frog"}}
    for split, expected in kinds.items():
        assert {o.kind for i in range(30) for o in sample_layout(trial(i, split), task(group), REGION).objects} == expected


def test_a_fixture_stays_within_its_jitter():
    for i in range(20):
        (box,) = sample_layout(trial(i), task(), REGION).fixtures
        assert box == Placed("box", "box", box.pos, np.pi / 2)
        assert np.abs(np.subtract(box.pos, BOX.pos)).max() <= BOX.jitter


def test_a_turned_fixture_stays_within_its_turn():
    box = replace(BOX, yaw=1.0, turn=0.2)
    yaws = [sample_layout(trial(i), task(fixtures=(box,)), REGION).fixtures[0].yaw for i in range(30)]
    assert 0.8 <= min(yaws) < 0.9
    assert 1.1 < max(yaws) <= 1.2


def test_shuffled_fixtures_change_places():
    fixtures = (Fixture("a", ("box",), (0.5, 0.3), jitter=0), Fixture("b", ("box",), (0.5, -0.3), jitter=0), BOX)
    shuffled = replace(task(fixtures=fixtures), shuffled=("a", "b"))
    layouts = [sample_layout(trial(i), shuffled, REGION) for i in range(30)]
    assert {(lay.placed("a").pos[1], lay.placed("b").pos[1]) for lay in layouts} == {(0.3, -0.3), (-0.3, 0.3)}
    assert all(lay.placed("box").pos[1] > 0.3 for lay in layouts)


def test_a_choice_is_drawn_from_the_trial():
    chosen = replace(task(), choices=(("side", ("left", "right")),))
    assert sample_layout(trial(3), chosen, REGION).choices == sample_layout(trial(3), chosen, REGION).choices
    assert {sample_layout(trial(i), chosen, REGION).choices for i in range(20)} == {(("side", "left"),), (("side", "right"),)}


def test_a_layout_that_the_task_refuses_is_drawn_again():
    picky = replace(task(), accepts=lambda layout, split: split == "test" and layout.objects[0].pos[0] > 0.6)
    assert all(sample_layout(trial(i), picky, REGION).objects[0].pos[0] > 0.6 for i in range(20))
    with pytest.raises(LayoutError, match="no free arrangement"):
        sample_layout(trial(0, "train"), picky, REGION)


def test_apart_asks_for_room_around_a_thing():
    near, far = Placed("toy", "duck", (0.5, 0.0)), Placed("toy", "duck", (0.5, 0.2))
    apart = Apart((("plate", 0.1),))
    for toy, expected in ((near, False), (far, True)):
        layout = Layout((toy,), (Placed("plate", "white_plate", (0.55, 0.0)),))
        assert apart(layout, "test") is expected
        assert Apart((("plate", 0.1),), but=("toy",))(layout, "test")
        assert Apart((("toy", 0.1),))(layout, "test")
        assert not Apart((("toy", 0.1),))(Layout((toy, Placed("other", "pig", (toy.pos[0] + 0.09, toy.pos[1])))), "test")

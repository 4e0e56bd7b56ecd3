"""What lies on the table top stands still, fits the gripper, and goes together as it should."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from envs.layout import Layout, Placed
from envs.objects import ball_and_can, bread, cards, fruit, lid_box
from envs.objects.lid_box import HEIGHT as BOX_HEIGHT
from envs.scenes import SCENES
from envs.world import World

MOVABLE = {k.name: k for f in (fruit, bread, ball_and_can, lid_box, cards) for k in f.KINDS if k.rest_height or k.category == "lid"}
CANS = [k.name for k in ball_and_can.KINDS if k.category == "container"]
BALLS = [k.name for k in ball_and_can.KINDS if k.category == "ball"]


def world(*objects: Placed, fixtures: tuple[Placed, ...] = ()) -> World:
    layout = Layout(objects, fixtures)
    model = SCENES["tabletop"].build(layout).compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return World(model, data, layout)


@pytest.mark.parametrize("kind", sorted(n for n, k in MOVABLE.items() if k.category != "lid"))
def test_it_stands_still_at_its_rest_height(kind):
    w = world(Placed("thing", kind, (0.5, 0.0), 0.4))
    mujoco.mj_step(w.model, w.data, nstep=300)
    assert w.pos("thing") == pytest.approx([0.5, 0.0, MOVABLE[kind].rest_height], abs=2e-3)
    assert w.speed("thing") < 0.005
    assert w.upright("thing") > 0.999


@pytest.mark.parametrize("kind", sorted(MOVABLE))
def test_what_is_gripped_fits_the_open_gripper(kind):
    """At the height of the pads, measured from the felt shapes around the grasp."""
    w = world(Placed("thing", kind, (0.5, 0.0), height=0.2))
    start, found = w.pos("thing"), []
    start[2] += MOVABLE[kind].grasp_height - MOVABLE[kind].rest_height - 0.01
    for side in (-1, 1):
        geom = np.zeros(1, np.int32)
        hit = mujoco.mj_ray(w.model, w.data, start + [0, 0.2 * side, 0], np.array([0, -side, 0.0]), np.array([0, 0, 0, 1, 0, 0], np.uint8), 1, -1, geom)
        group_1 = mujoco.mj_ray(w.model, w.data, start + [0, 0.2 * side, 0], np.array([0, -side, 0.0]), np.array([0, 1, 0, 0, 0, 0], np.uint8), 1, -1, geom)
        found.append(0.2 - min(d for d in (hit, group_1) if d >= 0))
    assert 0.02 <= sum(found) <= 0.072
    assert found[0] == pytest.approx(found[1], abs=0.004)


@pytest.mark.parametrize("can", CANS)
@pytest.mark.parametrize("ball", BALLS)
def test_a_ball_let_go_over_the_can_falls_in_with_little_room_around_it(ball, can):
    w = world(Placed("ball", ball, (0.504, 0.003), height=0.14), fixtures=(Placed("can", can, (0.5, 0.0)),))
    assert not w.inside("ball", "can")
    mujoco.mj_step(w.model, w.data, nstep=300)
    assert w.inside("ball", "can")
    assert w.at_rest("ball")
    assert ball_and_can.BORE - MOVABLE[ball].rest_height < 0.009


def test_the_lid_covers_the_box_and_rests_on_its_rim():
    w = world(Placed("lid", "red_lid", (0.5, 0.2), 0.2, BOX_HEIGHT), fixtures=(Placed("box", "red_lidded_box", (0.5, 0.2), 0.2),))
    mujoco.mj_step(w.model, w.data, nstep=300)
    assert w.supported_by("lid", "box")
    assert w.pos("lid") == pytest.approx([0.5, 0.2, BOX_HEIGHT], abs=1e-3)
    assert all(a > b for a, b in zip(w.kind("lid").half_extents[:2], w.kind("box").half_extents[:2], strict=True))


def test_the_skirt_keeps_the_lid_from_sliding_off():
    w = world(Placed("lid", "red_lid", (0.5, 0.2), 0.0, BOX_HEIGHT), fixtures=(Placed("box", "red_lidded_box", (0.5, 0.2)),))
    w.data.joint("lid").qvel[:2] = 0.3, 0.3
    mujoco.mj_step(w.model, w.data, nstep=300)
    assert np.abs(w.pos("lid")[:2] - [0.5, 0.2]).max() < 0.004


def test_equations_have_an_answer_on_a_card_and_mirror_images_share_their_split():
    assert all(cards.value(e) in cards.DIGITS for e in cards.equations())
    assert cards.value("9 - 2") == 7
    assert cards.held_out("3 + 5") == cards.held_out("5 + 3")
    share = np.mean([cards.held_out(e) for e in cards.equations()])
    assert 0.15 < share < 0.35


def test_a_board_differs_from_another_where_its_equation_does():
    three, four = (cards._board_picture(e) for e in ("3 + 4", "4 + 4"))
    width = three.shape[1]
    assert (three != four)[:, : width // 3].any()
    assert three.min() < 60 < 240 < three.max()

"""What a kitchen holds: measures that hands and other things rely on."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from envs.layout import Layout, Placed
from envs.objects import KINDS, dishes, fridge, kitchen, shelf, stove
from envs.objects.bread import KINDS as BREADS
from envs.scenes import SCENES

SCENE = SCENES["kitchen"]
GRIPPER_STROKE, OPEN_WIDTH = 0.085, 0.15  # m: between the open pads, and over the open fingers


def build(*fixtures: Placed, objects: tuple[Placed, ...] = ()) -> tuple[mujoco.MjModel, mujoco.MjData]:
    model = SCENE.build(Layout(objects, fixtures)).compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def geom_top(model: mujoco.MjModel, data: mujoco.MjData, name: str) -> float:
    geom = model.geom(name)
    return float(data.geom(name).xpos[2] + geom.size[2])


def test_the_boards_of_the_shelf_are_where_the_docstring_says():
    model, data = build(Placed("shelf", "kitchen_shelf", (0.55, -0.40)))
    assert geom_top(model, data, "shelf_bottom") == pytest.approx(shelf.BOTTOM)
    assert geom_top(model, data, "shelf_upper") == pytest.approx(shelf.UPPER)
    assert shelf.UPPER - shelf.BOTTOM - shelf.BOARD >= 0.20


@pytest.mark.parametrize("kind", [k.name for k in kitchen.KINDS])
def test_every_kind_can_be_built_fast_and_stays_within_its_height(kind):
    model, data = build(Placed("thing", kind, (0.55, 0.0)))
    own = np.flatnonzero(model.geom_bodyid == model.body("thing").id)
    felt = [g for g in own if model.geom_contype[g]]
    assert felt
    assert max(data.geom_xpos[g][2] for g in felt) <= KINDS[kind].half_extents[2]


@pytest.mark.parametrize("kind", [k.name for k in kitchen.KINDS if k.noun == "plate"])
def test_fingers_pinch_the_rim_without_touching_what_the_plate_stands_on(kind):
    plate = KINDS[kind]
    closed = plate.grasp_height - 0.013  # the fingers reach so much further when they meet
    assert closed - 0.019 > 0.004  # the pads' lower edge
    assert closed + 0.019 > plate.half_extents[2] - 0.002  # and the rim's edge is between them


@pytest.mark.parametrize("kind", [k.name for k in kitchen.KINDS if k.noun in ("pot", "basket")])
def test_the_open_hand_fits_into_pot_and_basket(kind):
    interior = KINDS[kind].interior
    assert interior
    off = 0.02  # m, of the bread from the middle, across
    assert 2 * (interior.half_y - off) > OPEN_WIDTH


def test_bread_fits_between_the_open_pads_and_on_the_shelves():
    for bread in BREADS:
        assert 2 * bread.half_extents[1] < GRIPPER_STROKE - 0.01
        for edge in fridge.SETBACK:
            assert fridge.DEPTH - fridge.WALL - edge > 2 * bread.half_extents[0]


def test_an_object_on_the_cloth_is_borne_by_the_cloth_alone():
    half = KINDS["pink_plate"].half_extents
    model, data = build(
        Placed("tablecloth", "red_tablecloth", (0.53, 0.0)),
        objects=(Placed("plate", "pink_plate", (0.53, 0.05), 0.0, dishes.CLOTH_THICK),),
    )
    mujoco.mj_step(model, data, nstep=100)
    assert half[0] < dishes.CLOTH_HALF[1] / 2
    bodies = {model.body(model.geom_bodyid[g]).name for pair in data.contact.geom for g in pair}
    assert bodies == {"plate", "tablecloth"}


def test_the_pot_stands_on_the_stove():
    model, data = build(
        Placed("stove", "white_stove", (0.57, 0.27)), Placed("pot", "red_pot", (0.57, 0.27), 0.0, stove.STOVE_HEIGHT)
    )
    assert geom_top(model, data, "stove_glass") == pytest.approx(stove.STOVE_HEIGHT)
    assert data.body("pot").xpos[2] == pytest.approx(stove.STOVE_HEIGHT)


def test_gingham_is_full_where_bands_cross_and_white_where_none_run():
    picture = dishes.checks((200, 40, 40), across=2, along=2)
    assert picture.shape == (60, 60, 3)
    assert tuple(picture[18, 18]) == (200, 40, 40)
    assert tuple(picture[30, 30]) == (250, 250, 250)
    assert tuple(picture[30, 18]) == (225, 145, 145)

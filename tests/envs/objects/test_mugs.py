"""Mugs stand either way up, fit the gripper and the hooks, and differ between training and test."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from envs.layout import Layout, Placed
from envs.objects import KINDS
from envs.objects.hooks import HOOK_RADIUS, SHELF_HOOKS, TREE_PEGS
from envs.objects.mugs import MUGS, TEST_MUGS, TRAIN_MUGS
from envs.scenes import SCENES

NAMES = (*TRAIN_MUGS, *TEST_MUGS)


def _settled(kind: str, upside_down: bool) -> tuple[mujoco.MjModel, mujoco.MjData]:
    layout = Layout((Placed("mug", kind, (0.5, 0.0), 0.4, 0.0, upside_down),))
    model = SCENES["tabletop"].build(layout).compile()
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, nstep=300)
    return model, data


def test_test_mugs_are_never_trained_on_and_every_mug_is_in_one_of_the_lists():
    assert not set(TRAIN_MUGS) & set(TEST_MUGS)
    assert {mug.kind.name for mug in MUGS} == set(NAMES)
    assert len({mug.colour for mug in MUGS}) == len(MUGS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("upside_down", [False, True])
def test_a_mug_stands_still_either_way_up(name, upside_down):
    _, data = _settled(name, upside_down)
    kind, body = KINDS[name], data.body("mug")
    assert body.xpos == pytest.approx([0.5, 0.0, kind.top if upside_down else kind.rest_height], abs=1e-3)
    assert body.xmat[8] == pytest.approx(-1.0 if upside_down else 1.0, abs=1e-3)
    assert np.abs(data.joint("mug").qvel).max() < 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_a_mug_fits_between_the_pads_and_its_handle_over_a_hook(name):
    handle = KINDS[name].handle
    assert handle
    assert 2 * handle.wall <= 0.070
    assert handle.high - handle.low >= 0.030
    assert handle.depth >= 0.022
    assert min(handle.high - handle.low, handle.depth) > 2 * (2 * HOOK_RADIUS)


@pytest.mark.parametrize("name", NAMES)
def test_the_handles_opening_is_free_of_rods_and_boards(name):
    handle = KINDS[name].handle
    assert handle
    model, data = _settled(name, upside_down=False)
    body = data.body("mug")
    for x in (handle.wall + 0.001, handle.wall + handle.depth / 2):
        point = body.xpos + body.xmat.reshape(3, 3) @ np.array([x, -0.2, 0.0])
        ahead = body.xmat.reshape(3, 3)[:, 1]
        felt = np.array([0, 0, 0, 1, 0, 0], np.uint8)
        assert mujoco.mj_ray(model, data, point, ahead, felt, 0, -1, np.zeros(1, np.int32), None) < 0


@pytest.mark.parametrize("hooks", [TREE_PEGS[:1], SHELF_HOOKS])
def test_a_hook_dips_between_its_root_and_its_tip(hooks):
    for root, low, tip in hooks:
        assert low[2] < root[2]
        assert low[2] < tip[2]

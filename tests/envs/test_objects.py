from __future__ import annotations

import mujoco
import numpy as np
import pytest

from envs.layout import Layout, Placed
from envs.objects import toys
from envs.objects.containers import CARDBOARD, HEIGHT, INNER_HALF, WICKER
from envs.scenes import SCENES
from envs.shapes import RGB

GRIPPER_STROKE = 0.085
KINDS = {kind.name: kind for kind in toys.KINDS}
build = SCENES["toy"].build


def _alone(kind: str, yaw: float = 0.0) -> tuple[mujoco.MjModel, mujoco.MjData]:
    model = build(Layout((Placed("toy", kind, (0.5, 0.0), yaw),))).compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def _corners(model: mujoco.MjModel, data: mujoco.MjData, felt_only: bool) -> np.ndarray:
    """(n, 3) m: the corners of the boxes around the toy's geoms, in the body's frame."""
    out = []
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    for g in np.flatnonzero(model.geom_bodyid == model.body("toy").id):
        if felt_only and not model.geom_contype[g]:
            continue
        size = model.geom_size[g].copy()
        rotation = np.zeros(9)
        mujoco.mju_quat2Mat(rotation, model.geom_quat[g])
        rotation = rotation.reshape(3, 3)
        if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_BOX:
            points = signs * size @ rotation.T
        elif model.geom_type[g] == mujoco.mjtGeom.mjGEOM_ELLIPSOID:
            points = signs * np.linalg.norm(rotation * size, axis=1)
        else:
            points = signs * (abs(rotation[:, 2]) * size[1] + size[0])
        out.append(points + model.geom_pos[g])
    return np.concatenate(out)


def test_there_are_four_animals_and_four_blocks_of_eight_colours():
    categories = [kind.category for kind in KINDS.values()]
    assert categories.count("animal") == categories.count("block") == 4
    assert len({kind.colour for kind in KINDS.values()}) == 8
    assert all(name == kind.name for name, kind in KINDS.items())


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_toy_stays_within_its_half_extents(kind):
    model, data = _alone(kind)
    assert (abs(_corners(model, data, felt_only=False)).max(0) <= np.array(KINDS[kind].half_extents) + 5e-4).all()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_toy_fits_the_open_gripper_and_weighs_what_a_toy_weighs(kind):
    model, data = _alone(kind)
    width = 2 * abs(_corners(model, data, felt_only=True)[:, 1]).max()
    assert 0.035 <= width <= 0.045 < GRIPPER_STROKE
    assert 0.025 <= model.body("toy").mass[0] <= 0.060


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_toy_set_down_stands_still_at_its_rest_height(kind):
    model, data = _alone(kind, yaw=0.3)
    mujoco.mj_step(model, data, nstep=600)
    toy = data.body("toy")
    assert toy.xpos == pytest.approx([0.5, 0.0, KINDS[kind].rest_height], abs=1e-3)
    assert toy.xmat.reshape(3, 3)[2, 2] > 0.999


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_look_does_not_reach_below_what_the_toy_stands_on(kind):
    model, data = _alone(kind)
    lowest = _corners(model, data, felt_only=False)[:, 2].min()
    assert lowest == pytest.approx(-KINDS[kind].rest_height, abs=1.5e-3)


@pytest.mark.parametrize("name", ["box", "basket"])
def test_a_toy_dropped_into_a_container_stays_inside_below_the_rim(name):
    model = build(Layout((Placed("toy", "duck", (0.54, 0.0)),), (Placed(name, name, (0.54, 0.3)),))).compile()
    data = mujoco.MjData(model)
    data.joint("toy").qpos[:3] = [0.56, 0.33, 0.12]
    mujoco.mj_step(model, data, nstep=450)
    x, y, z = data.body("toy").xpos - data.body(name).xpos
    assert abs(x) < INNER_HALF[0]
    assert abs(y) < INNER_HALF[1]
    assert 0 < z < HEIGHT


def test_containers_differ_in_colour_by_eye():
    def brightness(rgb: RGB) -> float:
        return float(np.dot(rgb, (0.3, 0.6, 0.1)))

    assert brightness(WICKER) - brightness(CARDBOARD) > 0.3

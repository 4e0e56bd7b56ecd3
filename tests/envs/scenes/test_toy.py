from __future__ import annotations

import mujoco
import numpy as np
import pytest

from envs.layout import Layout, Placed
from envs.objects import KINDS
from envs.scenes import SCENES
from envs.scenes.scene import TIMESTEP
from envs.types import CONTROL_HZ

LAYOUT = Layout(
    (
        Placed("animal_0", "duck", (0.45, 0.10), 0.2),
        Placed("animal_1", "elephant", (0.60, 0.10), -0.2),
        Placed("block_0", "red_block", (0.45, -0.10), 0.0),
        Placed("block_1", "purple_block", (0.60, -0.10), 0.3),
    ),
    (Placed("box", "box", (0.54, 0.33)), Placed("basket", "basket", (0.55, -0.34))),
)


build = SCENES["toy"].build


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return build(LAYOUT).compile()


def test_twenty_timesteps_are_one_control_step(model):
    assert 20 * model.opt.timestep == pytest.approx(1 / CONTROL_HZ, rel=1e-12)
    assert model.opt.timestep == TIMESTEP


def test_each_object_is_a_body_with_a_free_joint_named_by_its_role(model):
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    for placed in LAYOUT.objects:
        assert model.joint(placed.role).type[0] == mujoco.mjtJoint.mjJNT_FREE
        assert data.body(placed.role).xpos[:2] == pytest.approx(placed.pos)
        x_axis = data.body(placed.role).xmat.reshape(3, 3)[:2, 0]
        assert np.arctan2(x_axis[1], x_axis[0]) == pytest.approx(placed.yaw)


def test_each_fixture_is_a_fixed_body_where_the_layout_says(model):
    for placed in LAYOUT.fixtures:
        assert model.body(placed.role).pos == pytest.approx([*placed.pos, 0])
        assert model.body_dofnum[model.body(placed.role).id] == 0


def test_an_object_upside_down_stands_on_its_top_at_the_height_of_its_support():
    data = mujoco.MjData(model := build(Layout((Placed("toy", "red_block", (0.5, 0.0), 0.4, 0.2, upside_down=True),))).compile())
    mujoco.mj_forward(model, data)
    assert data.body("toy").xpos == pytest.approx([0.5, 0.0, 0.2 + KINDS["red_block"].top])
    assert data.body("toy").xmat.reshape(3, 3)[2] == pytest.approx([0, 0, -1])


def test_the_table_top_is_at_height_zero(model):
    table = model.geom("table")
    assert table.pos[2] + table.size[2] == pytest.approx(0)


def test_what_collides_but_is_not_shown_lies_in_hidden_groups(model):
    hidden = [g for g in range(model.ngeom) if model.geom_contype[g] and model.geom_group[g] > 2]
    names = {model.geom(g).name for g in hidden}
    assert {"left_fingerpad_collision", "box_felt_0", "animal_0_felt_0"} <= names
    assert (model.site_group > 2).all()


def test_a_layout_gives_the_same_model_every_time(model):
    again = build(LAYOUT).compile()
    assert np.array_equal(again.geom_pos, model.geom_pos)
    assert np.array_equal(again.mesh_vert, model.mesh_vert)
    assert np.array_equal(again.body_inertia, model.body_inertia)


def test_quality_changes_nothing_that_moves(model):
    high = build(LAYOUT, "high").compile()
    data = [mujoco.MjData(m) for m in (model, high)]
    for m, d in zip((model, high), data, strict=True):
        mujoco.mj_step(m, d, nstep=60)
    assert np.array_equal(data[0].qpos, data[1].qpos)


def test_an_unknown_quality_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown quality 'hihg'; did you mean 'high'"):
        build(LAYOUT, "hihg")

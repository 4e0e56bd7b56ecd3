from __future__ import annotations

import mujoco
import numpy as np
import pytest

from envs.robot import (
    ARM_JOINTS,
    EE_SITE,
    FINGER_BODIES,
    GRIPPER_ACTUATOR,
    GRIPPER_JOINT,
    GRIPPER_MAX,
    HOME_QPOS,
    ROBOT_ROOT,
    TORQUE_LIMIT,
    robot_spec,
)


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return robot_spec().compile()


@pytest.fixture
def home(model) -> mujoco.MjData:
    data = mujoco.MjData(model)
    data.qpos[:7] = data.ctrl[:7] = HOME_QPOS
    mujoco.mj_forward(model, data)
    return data


def test_the_actuators_are_the_seven_joints_of_the_arm_and_then_the_gripper(model):
    assert [model.actuator(i).name for i in range(model.nu)] == [*ARM_JOINTS, GRIPPER_ACTUATOR]
    assert model.actuator(GRIPPER_ACTUATOR).ctrlrange == pytest.approx([0, GRIPPER_MAX])
    assert model.actuator_forcerange[:7, 1] == pytest.approx(TORQUE_LIMIT)


def test_the_base_stands_at_the_world_origin(model):
    assert model.body(ROBOT_ROOT).pos == pytest.approx([0, 0, 0])
    assert {int(model.body_rootid[model.body(b).id]) for bodies in FINGER_BODIES for b in bodies} == {
        model.body(ROBOT_ROOT).id
    }


def test_at_home_the_fingers_point_straight_down_and_open_along_y(home):
    site = home.site(EE_SITE)
    assert site.xpos == pytest.approx([0.47, 0.0, 0.28], abs=1e-4)
    assert site.xmat.reshape(3, 3) == pytest.approx(np.diag([1.0, -1.0, -1.0]), abs=1e-4)


def test_the_ee_lies_midway_between_the_open_pads(home):
    left, right = (home.geom(f"{side}_fingerpad_collision").xpos for side in ("left", "right"))
    assert (left + right) / 2 == pytest.approx(home.site(EE_SITE).xpos, abs=1e-6)
    assert abs(left - right)[1] > 0.08


def test_gravity_is_compensated_so_the_arm_stays_where_it_is_told(model, home):
    mujoco.mj_step(model, home, nstep=600)
    assert home.qpos[:7] == pytest.approx(HOME_QPOS, abs=1e-3)


def test_the_robot_never_collides_with_itself(model, home):
    home.ctrl[7] = GRIPPER_MAX
    mujoco.mj_step(model, home, nstep=500)
    assert home.ncon == 0
    assert home.joint(GRIPPER_JOINT).qpos[0] == pytest.approx(GRIPPER_MAX, abs=0.02)


def test_light_and_full_meshes_differ_in_looks_only(model):
    high = robot_spec(light=False).compile()
    assert model.nmeshface < 0.4 * high.nmeshface
    assert model.body_mass == pytest.approx(high.body_mass)
    assert model.body_inertia == pytest.approx(high.body_inertia)
    collides = [m.geom_contype.astype(bool) for m in (model, high)]
    assert collides[0].sum() == collides[1].sum()


def test_a_spec_can_be_changed_without_changing_the_next_one():
    robot_spec().body(ROBOT_ROOT).pos = [1, 0, 0]
    assert robot_spec().body(ROBOT_ROOT).pos == pytest.approx([0, 0, 0])

"""When the table top tasks count as done, and when not."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from envs.geometry import rotation_matrix
from envs.objects.lid_box import SKIRT
from envs.objects.plates import RADIUS, SURFACE
from envs.predicates import Flat
from envs.sim_env import SimEnv
from envs.types import Trial


@pytest.fixture
def make():
    def make(task: str, index: int = 0) -> SimEnv:
        env = SimEnv(task, cameras=False)
        env.reset(options={"trial": Trial(task, index)})
        return env

    return make


def put(env: SimEnv, role: str, pos, quat=(1.0, 0, 0, 0), settle: int = 240) -> None:
    joint = env.data.joint(role)
    joint.qpos[:3], joint.qpos[3:], joint.qvel[:] = pos, quat, 0
    mujoco.mj_step(env.model, env.data, nstep=settle)
    mujoco.mj_forward(env.model, env.data)


def done(env: SimEnv) -> bool:
    return env.task.steps[0].predicate(env.world)


def test_the_banana_counts_on_the_plate_and_not_beside_it(make):
    env = make("banana_to_plate")
    rest, plate = env.world.kind("banana").rest_height, env.world.pos("plate")
    put(env, "banana", plate + [0, 0, SURFACE + rest + 0.001])
    assert done(env)
    put(env, "banana", plate + [-RADIUS - 0.07, 0, rest])
    assert not done(env)


def test_a_banana_that_leans_from_the_table_on_the_plate_does_not_count(make):
    env = make("banana_to_plate")
    put(env, "banana", env.world.pos("plate") + [0.135, 0, 0.035])
    assert {"table", "plate"} <= env.world.bearers("banana")
    assert not done(env)


def test_bread_on_the_plate_with_the_fruit_does_not_count(make):
    env = make("bread_to_empty_plate")
    height = [0, 0, SURFACE + env.world.kind("bread").rest_height + 0.001]
    put(env, "fruit", [0.8, 0.5, 0.05])
    put(env, "bread", env.world.pos("full_plate") + height)
    assert env.world.supported_by("bread", "full_plate")
    assert not done(env)
    put(env, "bread", env.world.pos("plate") + height)
    assert done(env)


def test_either_plate_may_be_the_empty_one(make):
    sides = {np.sign(make("bread_to_empty_plate", i).world.pos("plate")[1]) for i in range(8)}
    assert sides == {-1, 1}


def test_the_ball_counts_in_the_can_and_not_on_top_or_beside(make):
    env = make("ball_to_can")
    can, radius = env.world.pos("can"), env.world.kind("ball").rest_height
    put(env, "ball", can + [0, 0, 0.02 + radius])
    assert done(env)
    put(env, "ball", can + [0.10, 0, radius])
    assert not done(env)
    rim = env.world.kind("can").half_extents[2]
    put(env, "ball", can + [0, 0, rim + 0.002], settle=0)
    assert not done(env)


@pytest.mark.parametrize("quat", [(1.0, 0, 0, 0), (0, 1.0, 0, 0)])
def test_the_lid_counts_on_the_table_either_way_up(make, quat):
    env = make("take_lid")
    assert not done(env)
    put(env, "lid", [0.54, -0.05, (SKIRT if quat[0] else env.world.kind("lid").top) + 0.002], quat, settle=900)
    assert done(env)


def test_a_lid_that_leans_on_the_box_does_not_count(make):
    env = make("take_lid")
    tilt, quat = rotation_matrix((0.9, 0, 0)), np.zeros(4)
    mujoco.mju_mat2Quat(quat, np.ravel(tilt))
    put(env, "lid", env.world.pos("box") + [0, -0.12, 0.065], quat, settle=900)
    assert env.world.at_rest("lid")
    assert env.world.touching("lid", "box")
    assert not done(env)


@pytest.mark.parametrize(("degrees", "expected"), [(18, True), (22, False), (158, False), (162, True)])
def test_flat_ends_at_twenty_degrees(make, degrees, expected):
    env = make("take_lid")
    angle = np.radians(degrees)
    put(env, "lid", [0.5, -0.1, 0.3], (np.cos(angle / 2), np.sin(angle / 2), 0, 0), settle=0)
    assert Flat("lid")(env.world) is expected

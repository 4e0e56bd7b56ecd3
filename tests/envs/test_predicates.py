"""Predicates on both sides of their thresholds, in the simulator's own state."""

import mujoco
import numpy as np
import pytest

from envs.objects import KINDS
from envs.predicates import AtLeast, Inside
from envs.sim_env import SimEnv
from envs.types import Trial

_interior = KINDS["box"].interior
assert _interior
INTERIOR = _interior
ROLES = ("animal_0", "animal_1", "block_0", "block_1")


@pytest.fixture
def env():
    env = SimEnv("sort_toys", cameras=False)
    env.reset(options={"trial": Trial("sort_toys", 0)})
    return env


def put(env, role, pos, velocity=0.0):
    joint = env.data.joint(role)
    joint.qpos[:3], joint.qvel[:] = pos, 0
    joint.qvel[2] = velocity
    mujoco.mj_forward(env.model, env.data)


@pytest.mark.parametrize("axis", [0, 1])
def test_inside_ends_at_the_walls(env, axis):
    half = (INTERIOR.half_x, INTERIOR.half_y)[axis]
    for offset, expected in ((half - 0.002, True), (half + 0.002, False), (-half + 0.002, True), (-half - 0.002, False)):
        where = env.world.pos("box") + [0, 0, 0.03]
        where[axis] += offset
        put(env, "animal_0", where)
        assert env.world.inside("animal_0", "box") is expected


def test_inside_ends_at_the_rim(env):
    rim = INTERIOR.rim
    for height, expected in ((rim - 0.002, True), (rim + 0.002, False)):
        put(env, "animal_0", env.world.pos("box") + [0, 0, height])
        assert env.world.inside("animal_0", "box") is expected


def test_a_falling_object_does_not_lie_inside(env):
    where = env.world.pos("box") + [0, 0, 0.04]
    put(env, "animal_0", where, velocity=-0.3)
    assert not Inside("animal_0", "box")(env.world)
    put(env, "animal_0", where, velocity=0.0)
    assert Inside("animal_0", "box")(env.world)


def test_the_other_container_does_not_count(env):
    put(env, "animal_0", env.world.pos("basket") + [0, 0, 0.03])
    assert not Inside("animal_0", "box")(env.world)
    assert Inside("animal_0", "basket")(env.world)


def test_an_object_in_the_hand_is_not_let_go_of(env):
    held = put_in_hand(env, "block_0")
    assert env.world.holding(held)
    assert not env.world.released(held)
    assert env.world.held() == held


def put_in_hand(env, role):
    """Close the gripper around an object that floats at the pinch point."""
    for closed in np.linspace(0.2, 0.8, 40):
        put(env, role, env.world.ee_pos)
        env.data.ctrl[7] = closed
        mujoco.mj_step(env.model, env.data, nstep=10)
    return role


def test_at_least_counts_whichever(env):
    goals = tuple(Inside(r, "box") for r in ROLES)
    for count, role in enumerate(ROLES, 1):
        put(env, role, env.world.pos("box") + [0.05 * (-1) ** count, 0.045 * (-1) ** (count // 2), 0.03])
        assert AtLeast(count, goals)(env.world)
        assert not AtLeast(count + 1, goals)(env.world)


def test_predicates_print_as_sentences():
    assert str(Inside("animal_0", "box")) == "animal_0 lies in the box, let go of"
    assert str(AtLeast(1, (Inside("a", "box"),))) == "1 of these hold: a lies in the box, let go of"

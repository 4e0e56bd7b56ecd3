"""When a mug hangs: the handle over the hook, nothing else touched, at rest, let go of."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from envs.geometry import quat_from_matrix
from envs.predicates import Hung, On
from envs.sim_env import SimEnv
from envs.tasks.mugs import HANG_CUP
from envs.types import Trial

HUNG = Hung("mug", "rack")
SKILL = HANG_CUP.steps[0].skill


@pytest.fixture(scope="module")
def env():
    env = SimEnv("hang_cup", cameras=False)
    env.reset(options={"trial": Trial("hang_cup", 0)})
    return env


def put(env, pos, mat):
    joint = env.data.joint("mug")
    joint.qpos[:3], joint.qpos[3:], joint.qvel[:] = pos, quat_from_matrix(mat), 0
    mujoco.mj_forward(env.model, env.data)


def steps(env, count):
    mujoco.mj_step(env.model, env.data, nstep=20 * count)
    mujoco.mj_forward(env.model, env.data)


def hanging(env, lean=1.1):
    """Position and orientation in which the mug is let go of over the hook."""
    mat = SKILL._leaning(env.world, lean)
    handle = env.world.kind("mug").handle
    seat = np.array([handle.wall + handle.depth - 0.006, 0, handle.high - 0.006])
    return SKILL._line(env.world)[1] - mat @ seat, mat


def test_a_mug_let_go_of_on_the_hook_comes_to_hang(env):
    put(env, *hanging(env))
    steps(env, 45)
    assert HUNG(env.world)
    assert env.world.neighbours("mug") == {"rack"}


def test_a_mug_that_swings_does_not_hang_yet(env):
    put(env, *hanging(env, lean=0.4))
    steps(env, 1)
    at_first = HUNG(env.world)
    steps(env, 60)
    assert (at_first, HUNG(env.world)) == (False, True)


def test_a_mug_at_the_turning_point_of_its_swing_does_not_hang(env):
    put(env, *hanging(env, lean=0.3))
    env.data.joint("mug").qvel[:] = 0
    assert env.world.at_rest("mug")
    assert not env.world.balanced("mug")


def test_the_hook_must_pass_through_the_opening(env):
    """Both sides of each edge, and of the hook's tip."""
    _, mat = hanging(env)
    handle = env.world.kind("mug").handle
    low, tip = SKILL._line(env.world)[1:]
    middle_x, middle_z = handle.wall + handle.depth / 2, (handle.low + handle.high) / 2
    for x, z, expected in (
        (handle.wall + 0.001, middle_z, True), (handle.wall - 0.001, middle_z, False),
        (handle.wall + handle.depth - 0.001, middle_z, True), (handle.wall + handle.depth + 0.001, middle_z, False),
        (middle_x, handle.low + 0.001, True), (middle_x, handle.low - 0.001, False),
        (middle_x, handle.high - 0.001, True), (middle_x, handle.high + 0.001, False),
    ):  # fmt: skip
        put(env, low - mat @ np.array([x, 0, z]), mat)
        assert env.world.hooked("mug", "rack") is expected
    out = SKILL._out(env.world)
    for beyond, expected in ((-0.001, True), (0.001, False)):
        put(env, tip + beyond * out - mat @ np.array([middle_x, 0, middle_z]), mat)
        assert env.world.hooked("mug", "rack") is expected


def test_a_mug_on_the_table_or_in_the_hand_does_not_hang(env):
    env.reset(options={"trial": Trial("hang_cup", 0)})
    assert not HUNG(env.world)
    assert On("mug", "table", upright=True)(env.world)


def test_what_has_no_handle_cannot_be_hooked(env):
    with pytest.raises(ValueError, match="'rack' has no handle"):
        env.world.hooked("rack", "rack")


def test_it_says_what_an_operator_would_judge():
    assert str(HUNG) == "mug hangs by its handle on a hook of the rack, let go of"

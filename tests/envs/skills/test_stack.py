"""Setting one thing upon another: predicates on both sides, and the laws of the grasp."""

import mujoco
import numpy as np
import pytest

from envs.expert import act
from envs.predicates import On
from envs.sim_env import SimEnv
from envs.skills.skill import down
from envs.skills.stack import PlaceOn, angle_between, folded, grasp_yaw, yaw_of
from envs.types import Trial

ON = On("green_cube", "pink_cube")


@pytest.fixture
def env():
    env = SimEnv("stack_green_on_pink", cameras=False)
    env.reset(options={"trial": Trial("stack_green_on_pink", 0)})
    return env


def put(env, role, pos, yaw=0.0, seconds=0.3):
    joint = env.data.joint(role)
    joint.qpos[:], joint.qvel[:] = [*pos, np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)], 0
    mujoco.mj_step(env.model, env.data, nstep=int(300 * seconds))
    mujoco.mj_forward(env.model, env.data)


def test_stacked_is_on_and_beside_is_not(env):
    goal = PlaceOn("green_cube", "pink_cube").target(env.world)
    half = env.world.kind("pink_cube").half_extents[0]
    for off, expected in ((0.0, True), (0.9 * half, True), (2.2 * half, False)):
        put(env, "green_cube", goal + [off, 0, 0.001], seconds=1.0)
        assert ON(env.world) is expected, off


def test_a_cube_that_is_held_there_does_not_count(env):
    goal = PlaceOn("green_cube", "pink_cube").target(env.world)
    seen = []
    while not env.terminated:
        action, *_ = act(env)
        env.advance(action)
        near = np.linalg.norm(env.world.pos("green_cube") - goal) < 0.006
        seen.append((bool(near and env.world.holding("green_cube")), env.steps_done))
    assert (True, 0) in seen
    assert (True, 1) not in seen


def test_the_hand_turns_with_the_cube_and_away_from_a_neighbour(env):
    here = env.world.pos("pink_cube")
    put(env, "green_cube", [here[0], here[1] - 0.2, here[2]], yaw=0.4)
    assert grasp_yaw(env.world, "green_cube") == pytest.approx(0.4, abs=0.02)
    put(env, "green_cube", [here[0], here[1] - 0.05, here[2]])
    assert abs(grasp_yaw(env.world, "green_cube")) == pytest.approx(np.pi / 2, abs=0.05)


def test_folding_takes_whole_periods_away():
    for angle in np.linspace(-4, 4, 9):
        assert abs(folded(angle, np.pi / 2)) <= np.pi / 4 + 1e-9
        assert np.isclose(np.sin(2 * (angle - folded(angle, np.pi / 2)) * 2), 0, atol=1e-9)
    assert yaw_of(down(0.3)) == pytest.approx(0.3)
    assert angle_between(down(0.3), down(0.1)) == pytest.approx(0.2)


def test_an_object_is_set_down_on_the_table(env):
    spot = (0.5, 0.2)
    skill = PlaceOn("green_cube", "table", spot)
    assert skill.target(env.world) == pytest.approx([*spot, env.world.kind("green_cube").rest_height])

"""The arm that is led as a Franka is: torques within what its motors give, a millisecond at a time, and an end where it would stop itself."""

from __future__ import annotations

import numpy as np
import pytest

from envs.geometry import rot6d_from_matrix
from envs.impedance import JOINT_DAMPING, JOINT_STIFFNESS, MAX_TORQUE
from envs.motion import TICK, TORQUE_RATE
from envs.sim_env import SimEnv
from envs.types import CONTROL_HZ, Trial
from policy.baselines import hold_action

TASK = "sort_toys"


@pytest.fixture
def env():
    made = SimEnv(TASK, cameras=False, motion="smooth")
    made.reset(options={"trial": Trial(TASK, 0)})
    yield made
    made.close()


def above(env: SimEnv, z: float) -> np.ndarray:
    """(10,) the action that asks for the hand at a height, where it is now."""
    x, y, _ = env.world.ee_pos
    return np.r_[x, y, z, rot6d_from_matrix(env.world.ee_mat), 1.0].astype(np.float32)


def test_near_the_target_the_law_is_a_spring_and_a_damper(env):
    env.data.qvel[:7] = 0.01
    target = env.world.joint_pos + 5e-4
    assert env._law is not None
    env._law.push(target)
    np.testing.assert_allclose(env.data.ctrl[:7], JOINT_STIFFNESS * 5e-4 - JOINT_DAMPING * 0.01, atol=1e-9)


def test_no_target_asks_for_more_than_the_motors_give_or_sooner():
    env, rng = SimEnv(TASK, cameras=False, motion="smooth"), np.random.default_rng(0)
    env.reset(options={"trial": Trial(TASK, 0)})
    assert env._law is not None
    torques = [env.data.ctrl[:7].copy()]
    for _ in range(20):
        target = env.world.joint_pos + rng.uniform(-2, 2, 7)
        for _ in range(30):
            env._law.push(target)
            torques.append(env.data.ctrl[:7].copy())
    assert (np.abs(torques) <= MAX_TORQUE + 1e-9).all()
    assert np.abs(np.diff(torques, axis=0)).max() == pytest.approx(TORQUE_RATE * TICK)


def test_a_control_step_is_as_many_milliseconds_as_the_robots(env):
    hold = hold_action(env.observe())
    began = env.data.time
    for steps in range(1, 4):
        env.advance(hold)
        assert env.data.time - began == pytest.approx(np.ceil(1000 * steps / CONTROL_HZ) * TICK)


def test_pressed_too_hard_the_arm_stops_itself_and_the_episode_ends(env):
    for z in np.linspace(env.world.ee_pos[2], -0.2, 60):
        _, reward, terminated, truncated, info = env.step(above(env, z))
        if truncated:
            break
    assert (reward, terminated, info["outcome"]) == (0.0, False, "reflex")
    assert "the arm stopped itself" in info["error"]
    assert env.control_steps < 60
    env.reset(options={"trial": Trial(TASK, 1)})
    assert not env.truncated


def test_the_same_press_goes_on_where_targets_step():
    env = SimEnv(TASK, cameras=False)
    env.reset(options={"trial": Trial(TASK, 0)})
    for z in np.linspace(env.world.ee_pos[2], -0.2, 60):
        *_, truncated, info = env.step(above(env, z))
    assert env.pushed.peak > 1
    assert not truncated
    assert "outcome" not in info


def test_a_reflex_in_a_branch_is_none_afterwards(env):
    with env.branch():
        for z in np.linspace(env.world.ee_pos[2], -0.2, 60):
            env.advance(above(env, z))
            if env.reflex:
                break
        assert env.truncated
    assert not env.truncated


def test_a_state_goes_on_to_the_same_bits(env):
    action = above(env, 0.2)
    for _ in range(3):
        env.advance(action)
    state, control_steps = env.full_state(), env.control_steps
    for _ in range(3):
        env.advance(action)
    end = env.state_hash()
    env.set_full_state(state)
    env.control_steps = control_steps
    for _ in range(3):
        env.advance(action)
    assert env.state_hash() == end

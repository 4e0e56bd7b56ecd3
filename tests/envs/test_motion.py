"""A smooth target starts and ends where a stepped one does, without a jump that a Franka's torques cannot make."""

from __future__ import annotations

import numpy as np
import pytest

from envs.motion import MOTIONS, TORQUE_RATE, ticks_until
from envs.names import MOTIONS as NAMES
from envs.robot import STIFFNESS
from envs.sim_env import SimEnv
from envs.types import CONTROL_HZ, Trial
from policy.baselines import hold_action

LAST, NEW = np.zeros(7), np.array(MOTIONS["smooth"].max_step)


def test_the_names_are_known_without_a_simulator():
    assert tuple(MOTIONS) == NAMES


def test_control_periods_are_67_67_and_66_ms():
    assert [ticks_until(n) for n in range(5)] == [0, 67, 134, 200, 267]
    assert ticks_until(15 * 60) == 60_000


@pytest.mark.parametrize("name", NAMES)
def test_the_new_target_is_in_force_at_the_end_of_the_control_step_and_after(name):
    for passed in (1.0, 1.7):
        np.testing.assert_array_equal(MOTIONS[name].target(LAST, NEW, passed), NEW)


def test_a_step_is_in_force_at_once_and_a_smooth_target_where_the_last_was():
    np.testing.assert_array_equal(MOTIONS["step"].target(LAST, NEW, 0.0), NEW)
    np.testing.assert_array_equal(MOTIONS["smooth"].target(LAST, NEW, 0.0), LAST)
    np.testing.assert_allclose(MOTIONS["smooth"].target(LAST, NEW, 0.5), NEW / 2)


def test_the_greatest_smooth_step_asks_for_no_more_torque_a_millisecond_than_a_franka_changes():
    targets = np.array([MOTIONS["smooth"].target(LAST, NEW, t) for t in np.linspace(0, 1, 1001)])
    rate = np.array(STIFFNESS) * np.diff(targets, axis=0).max(0) * 1000 * CONTROL_HZ
    assert (rate <= TORQUE_RATE * 1.001).all()
    assert rate.max() > TORQUE_RATE * 0.99


def test_an_arm_led_smoothly_gets_where_the_stepped_one_gets():
    ends = []
    for name in NAMES:
        env = SimEnv("sort_toys", cameras=False, motion=name)
        observation, _ = env.reset(options={"trial": Trial("sort_toys", 0)})
        action = hold_action(observation)
        action[:3] += [0.03, -0.02, 0.02]
        for _ in range(20):
            observation, *_ = env.step(action)
        ends.append(observation["agent_pos"][7:10])
    np.testing.assert_allclose(ends[0], ends[1], atol=5e-4)


def test_an_unknown_motion_is_told_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'smooth'"):
        SimEnv("sort_toys", motion="smoth")

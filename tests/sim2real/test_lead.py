"""An arm is led to each target within a control step of its own clock, without a jump, whenever the target comes."""

from __future__ import annotations

import numpy as np
import pytest

from envs.impedance import JOINT_DAMPING, JOINT_STIFFNESS, MAX_TORQUE
from envs.motion import MOTIONS
from sim2real.lead import LAST_TORQUE, Lead

A, B, C = np.zeros(7), np.full(7, 0.05), np.full(7, 0.02)


@pytest.fixture
def lead():
    lead = Lead(MOTIONS["smooth"])
    lead.start(A)
    return lead


def test_an_arm_that_starts_stays(lead):
    np.testing.assert_array_equal(lead.target(123.0), A)


def test_the_target_is_reached_after_a_control_step_and_kept(lead):
    lead.follow(B, 10.0)
    np.testing.assert_array_equal(lead.target(10.0), A)
    for time_s in (10 + 1 / 15, 11.0):
        np.testing.assert_allclose(lead.target(time_s), B, atol=1e-9)


def test_a_target_that_comes_early_starts_from_where_the_last_one_has_led_to(lead):
    lead.follow(B, 10.0)
    before = lead.target(10.04)
    lead.follow(C, 10.04)
    np.testing.assert_array_equal(lead.target(10.04), before)
    np.testing.assert_allclose(lead.target(10.04 + 1 / 15), C, atol=1e-9)


def test_a_step_is_told_at_once():
    lead = Lead(MOTIONS["step"])
    lead.start(A)
    lead.follow(B, 10.0)
    np.testing.assert_array_equal(lead.target(10.0), B)


def test_what_is_told_does_not_depend_on_when_the_clock_began():
    """As the same milliseconds of another trial, hours later."""

    def told(began_s):
        lead = Lead(MOTIONS["smooth"])
        lead.start(np.zeros(7))
        lead.follow(np.full(7, 0.03), began_s)
        return [lead.target(began_s + k / 1000) for k in range(0, 70, 3)]

    for began_s in (16.384, 7208.96):
        np.testing.assert_array_equal(told(0.0), told(began_s))


def push(told, pos, vel):
    return JOINT_STIFFNESS * (told - pos) - JOINT_DAMPING * vel


def test_a_motor_is_asked_no_more_than_it_has_now(lead):
    vel = np.full(7, -0.5)
    lead.follow(np.full(7, -1.0), 0.0)
    np.testing.assert_allclose(push(lead.aim(1.0, A, vel, 0.005), A, vel), -MAX_TORQUE)
    np.testing.assert_array_equal(lead.aim(1.0, A, vel, 0.005, within=False), lead.target(1.0035))


def test_nor_when_the_period_is_over_where_a_joint_brakes(lead):
    """A wrist that turns fast: what is within the limits now is beyond them 6 ms later."""
    period_s, ends = 0.005, 0.006
    pos, vel, accel = np.zeros((2, 7)), np.full((2, 7), 2.0), np.full(7, -20.0)
    pos[1], vel[1] = period_s * vel[0], vel[0] + period_s * accel
    lead.follow(np.full(7, -1.0), 0.0)
    lead.aim(1.0, pos[0], vel[0], period_s)
    told = [lead.aim(1.0 + period_s, pos[1], vel[1], period_s) for _ in range(2)]  # the same state once more tells nothing new
    np.testing.assert_array_equal(*told)
    now, then = push(told[0], pos[1], vel[1]), push(told[0], pos[1] + ends * vel[1] + ends**2 / 2 * accel, vel[1] + ends * accel)
    assert (np.abs(now) <= MAX_TORQUE + 1e-9).all()
    np.testing.assert_allclose(then[5:], -LAST_TORQUE[5:])
    assert (np.abs(then) <= LAST_TORQUE + 1e-9).all()

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from envs.robot import HOME_QPOS
from sim2real.twin import wire
from sim2real.twin.arm_model import ArmModel
from sim2real.twin.robots import FR3, IDEAL, PANDA
from sim2real.twin.setpoint import Setpoint, command_errors, motion_errors, motion_setpoint, torque_errors
from sim2real.twin.wire import Command

NOTHING = Command(1, (0.0,) * 7, (0.0,) * 7, tuple(np.eye(4).ravel()), (0.0,) * 6, (0.0, -1.0), False, False, (0.0,) * 7)
HOME = Setpoint(HOME_QPOS.copy())


def joint(index: int, value: float) -> np.ndarray:
    return np.eye(7)[index] * value


def errors_of(vel: float = 0.0, acc: float = 0.0, acc_before: float = 0.0, generator: int = wire.JOINT_VELOCITY, robot=FR3):
    last = Setpoint(HOME_QPOS, joint_acc=joint(1, acc_before))
    return motion_errors(Setpoint(HOME_QPOS, joint(1, vel), joint(1, acc)), last, generator, robot, first=False)


def test_derivatives_are_differences_over_a_millisecond():
    first = HOME.moved_to(np.add(HOME_QPOS, joint(0, 1e-3)))
    second = first.moved_to(first.joint_pos + joint(0, 1.5e-3))
    assert first.joint_vel[0] == pytest.approx(1.0)
    assert (second.joint_vel[0], second.joint_acc[0]) == pytest.approx((1.5, 500.0))


def test_a_lost_command_is_replaced_by_going_on_with_the_same_acceleration():
    moving = Setpoint(HOME_QPOS, joint(0, 1.0), joint(0, 10.0)).extrapolated()
    assert moving.joint_vel[0] == pytest.approx(1.01)
    assert moving.joint_pos[0] == pytest.approx(HOME_QPOS[0] + 1.01e-3)
    assert moving.joint_acc[0] == pytest.approx(10.0)


def test_a_limit_may_be_passed_by_a_tenth_and_no_more():
    limits = FR3.velocity[1], FR3.acceleration[1], FR3.jerk[1] * 1e-3
    for sign in (1.09, -1.09):
        assert errors_of(vel=sign * limits[0]) == errors_of(acc=sign * limits[1], acc_before=sign * limits[1]) == ()
        assert errors_of(acc=sign * limits[2]) == ()
    assert errors_of(vel=1.11 * limits[0]) == ("joint_motion_generator_velocity_limits_violation",)
    assert errors_of(acc=1.11 * limits[1], acc_before=11.0) == ("joint_motion_generator_velocity_discontinuity",)
    assert errors_of(acc=1.11 * limits[2]) == ("joint_motion_generator_acceleration_discontinuity",)


def test_each_robot_has_its_own_limits_and_a_cartesian_motion_its_own_names():
    assert errors_of(vel=2.5) == ()
    assert errors_of(vel=2.5, robot=PANDA) == ("joint_motion_generator_velocity_limits_violation",)
    assert errors_of(vel=3.0, generator=wire.CARTESIAN_POSE) == ("cartesian_motion_generator_joint_velocity_limits_violation",)


def test_a_joint_beyond_its_end_is_an_error_at_either_end():
    for end, inside in ((FR3.low, 1e-3), (FR3.high, -1e-3)):
        at = Setpoint(np.array(end) + inside)
        assert motion_errors(at, at, wire.JOINT_POSITION, FR3, False) == ()
        beyond = Setpoint(np.array(end) - inside)
        assert motion_errors(beyond, beyond, wire.JOINT_POSITION, FR3, False) == ("joint_position_limits_violation",)


def test_a_position_motion_must_start_where_the_arm_is():
    far = HOME.moved_to(np.add(HOME_QPOS, 0.02))
    assert motion_errors(far, HOME, wire.JOINT_POSITION, FR3, True) == ("joint_position_motion_generator_start_pose_invalid",)


@pytest.mark.parametrize("generator", [wire.CARTESIAN_POSE, wire.CARTESIAN_VELOCITY])
def test_a_cartesian_command_moves_the_ee_by_what_it_says(generator):
    arm = ArmModel()
    start, move = arm.pose(HOME_QPOS), np.array([1e-3, -5e-4, 2e-4])
    target = start.copy()
    target[:3, 3] += move
    command = replace(NOTHING, ee_pose=tuple(target.ravel("F")), ee_twist=(*(move / 1e-3), 0.0, 0.0, 0.0))
    reached = arm.pose(motion_setpoint(command, generator, HOME, arm, np.eye(4)).joint_pos)
    assert reached[:3, 3] == pytest.approx(target[:3, 3], abs=2e-6)
    assert reached[:3, :3] == pytest.approx(start[:3, :3], abs=1e-5)


def test_the_elbow_follows_in_the_null_space():
    arm = ArmModel()
    command = replace(NOTHING, ee_pose=tuple(arm.pose(HOME_QPOS).ravel("F")), elbow=(0.1, -1.0), elbow_valid=True)
    at = HOME
    for _ in range(50):
        at = motion_setpoint(command, wire.CARTESIAN_POSE, at, arm, np.eye(4))
    assert at.joint_pos[2] == pytest.approx(0.05, abs=2e-3)
    assert arm.pose(at.joint_pos) == pytest.approx(arm.pose(HOME_QPOS), abs=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_command_that_is_no_number_is_an_error_whatever_it_commands(bad):
    wrong = (bad,) + (0.0,) * 6
    assert command_errors(replace(NOTHING, torque=wrong), wire.NO_GENERATOR, torque=True)
    assert command_errors(replace(NOTHING, joint_pos=wrong), wire.JOINT_POSITION, torque=False)
    assert command_errors(replace(NOTHING, joint_vel=wrong), wire.JOINT_VELOCITY, torque=False)
    assert command_errors(replace(NOTHING, ee_twist=wrong[:6]), wire.CARTESIAN_VELOCITY, torque=False)
    assert command_errors(replace(NOTHING, ee_pose=(bad,) * 16), wire.CARTESIAN_POSE, torque=False)
    assert not command_errors(NOTHING, wire.CARTESIAN_POSE, torque=False)


def test_a_pose_whose_rotation_is_none_is_an_invalid_frame():
    stretched = replace(NOTHING, ee_pose=tuple(np.diag([2.0, 1, 1, 1]).ravel()))
    mirrored = replace(NOTHING, ee_pose=tuple(np.diag([-1.0, 1, 1, 1]).ravel()))
    for command in (stretched, mirrored):
        found = command_errors(command, wire.CARTESIAN_POSE, torque=False)
        assert found == ("cartesian_position_motion_generator_invalid_frame",)


def test_a_torque_may_change_by_one_newton_metre_a_millisecond_and_not_pass_the_motors_limit():
    def errors(new, last, robot=FR3):
        return torque_errors(joint(4, new), joint(4, last), HOME_QPOS, np.zeros(7), robot)

    assert errors(1.0, 0.0) == ()
    assert errors(1.2, 0.0) == ("controller_torque_discontinuity",)
    assert errors(12.1, 11.9) == ("tau_J_range_violation",)
    assert errors(50.0, 0.0, IDEAL) == ()


def test_a_torque_motion_stops_where_the_arm_gets_too_fast_or_too_far():
    none = np.zeros(7)
    assert torque_errors(none, none, HOME_QPOS, joint(0, 3.0), FR3) == ("joint_velocity_violation",)
    assert torque_errors(none, none, joint(0, 2.95), none, FR3) == ("joint_position_limits_violation",)

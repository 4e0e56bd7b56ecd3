"""franky (franky-control), as its wheel comes, on the twin."""

from __future__ import annotations

import time

import numpy as np
import pytest

from envs.ik import IK
from envs.types import Trial
from sim2real.twin import TwinError, faults
from sim2real.twin.robots import FR3

franky = pytest.importorskip("franky")
TRIAL = Trial("sort_toys", 0)
SLOW = 0.2  # relative dynamics


def connected(twin):
    return franky.Robot(twin.ip, realtime_config=franky.RealtimeConfig.Ignore, relative_dynamics_factor=SLOW)


@pytest.fixture
def twin(lockstep_twin):
    lockstep_twin.heal()
    lockstep_twin.inject(faults.UserStop(False))
    lockstep_twin.inject(faults.ConnectionLost())  # of a test that failed in motion
    lockstep_twin.reset(TRIAL)
    yield lockstep_twin
    lockstep_twin.heal()


@pytest.fixture
def robot(twin):
    robot = connected(twin)
    robot.recover_from_errors()
    return robot


def target(robot, by: float = 0.1) -> np.ndarray:
    return np.array(robot.state.q) + by * np.array([1, 1, 1, 1, 1, 1, -1.0])


def test_it_reads_the_scenes_joints_pose_and_model(twin, robot):
    state = robot.state
    assert np.array(state.q) == pytest.approx(twin.state().joint_pos, abs=1e-6)
    pos, _ = IK().pose(np.array(state.q))
    assert robot.current_pose.end_effector_pose.translation == pytest.approx(pos, abs=1e-5)
    assert robot.model.gravity(state)[1] < -10  # Nm; zero if the state's gravity were


def test_joint_and_cartesian_motions_arrive_and_no_command_is_missed(twin, robot):
    before = twin.state().lost
    goal = target(robot)
    robot.move(franky.JointMotion(goal))
    time.sleep(0.3)
    assert twin.state().joint_pos == pytest.approx(goal, abs=2e-3)
    pos, mat = IK().pose(twin.state().joint_pos)
    robot.move(franky.CartesianMotion(franky.Affine([0.0, 0.0, -0.03]), franky.ReferenceType.Relative))
    time.sleep(0.3)
    assert IK().pose(twin.state().joint_pos)[0] == pytest.approx(pos - 0.03 * mat[:, 2], abs=1e-3)  # in the hand's own frame
    robot.move(franky.JointVelocityMotion([0.1] + [0.0] * 6, duration=franky.Duration(200)))
    robot.move(franky.JointVelocityStopMotion())
    assert twin.state().lost == before


def test_targets_at_15_hz_are_tracked_by_torques(twin, robot):
    start = np.array(robot.state.q)
    with franky.JointImpedanceTracker(robot, stiffness=[600.0, 600, 600, 600, 250, 150, 50]) as tracker:
        for k in range(15):
            tracker.set_target(start + 0.05 * np.sin(k / 15 * np.pi / 2) * np.ones(7))
            time.sleep(1 / 15)
        time.sleep(0.5)
        assert twin.state().joint_pos - start == pytest.approx(0.05 * np.ones(7), abs=0.02)


def test_a_reflex_ends_the_motion_by_its_name_and_recovery_brings_it_back(twin, robot):
    robot.move(franky.JointMotion(target(robot)), asynchronous=True)
    time.sleep(0.1)
    twin.inject(faults.Reflex())
    with pytest.raises(franky.ControlException, match="cartesian_reflex"):
        robot.join_motion()
    still = twin.state().joint_pos
    with pytest.raises(franky.CommandException, match="Reflex"):
        robot.move(franky.JointMotion(target(robot)))
    assert twin.state().joint_pos == pytest.approx(still, abs=1e-3)
    assert robot.recover_from_errors()
    robot.move(franky.JointMotion(target(robot, -0.05)))


def test_a_reflex_outlives_the_connection(twin, robot):
    twin.inject(faults.Reflex(("joint_reflex",)))
    again = connected(twin)
    assert again.has_errors
    with pytest.raises(franky.CommandException):
        again.move(franky.JointMotion(target(again)))
    assert again.recover_from_errors()


def test_the_stop_button_stops_and_its_release_frees(twin, robot):
    robot.move(franky.JointMotion(target(robot)), asynchronous=True)
    time.sleep(0.1)
    twin.inject(faults.UserStop())
    with pytest.raises(franky.ControlException):
        robot.join_motion()
    assert robot.state.robot_mode == franky.RobotMode.UserStopped
    twin.inject(faults.UserStop(False))
    robot.move(franky.JointMotion(target(robot, -0.05)))


def test_a_lost_connection_is_an_error_and_a_new_robot_object_works(twin, robot):
    robot.move(franky.JointMotion(target(robot)), asynchronous=True)
    time.sleep(0.1)
    twin.inject(faults.ConnectionLost())
    with pytest.raises((franky.NetworkException, RuntimeError)):
        robot.join_motion()
    again = connected(twin)
    again.move(franky.JointMotion(target(again, -0.05)))


def test_a_second_of_silence_is_a_network_error(twin, robot):
    twin.inject(faults.Silence(1.4))
    with pytest.raises(franky.NetworkException, match="UDP receive: Timeout"):
        [robot.state for _ in range(100)]  # the first may still be a state from before
    time.sleep(0.5)
    assert connected(twin).state.robot_mode == franky.RobotMode.Idle


def test_nineteen_lost_packets_are_bridged_and_twenty_are_a_reflex(twin, robot):
    robot.move(franky.JointMotion(target(robot)), asynchronous=True)
    time.sleep(0.05)
    before = twin.state().lost
    twin.inject(faults.DropCommands(25))
    with pytest.raises(franky.ControlException, match="communication_constraints_violation"):
        robot.join_motion()
    assert twin.state().lost - before == 20
    robot.recover_from_errors()


def test_a_few_lost_or_late_packets_are_only_counted(twin, robot):
    robot.move(franky.JointMotion(target(robot, 0.05)), asynchronous=True)
    before = twin.state().lost
    time.sleep(0.05)
    twin.inject(faults.DropCommands(1))
    time.sleep(0.05)
    twin.inject(faults.DropStates(1))
    robot.join_motion()
    assert 1 <= twin.state().lost - before <= 3


def test_a_target_beyond_a_joints_end_is_refused_by_the_twin_too(twin, robot):
    q = np.array(robot.state.q)
    q[6] = 3.2
    robot.relative_dynamics_factor = 0.5
    with pytest.raises(franky.ControlException, match="joint_position_limits_violation"):
        robot.move(franky.JointMotion(q))
    robot.recover_from_errors()
    assert twin.state().joint_pos[6] == pytest.approx(FR3.high[6], abs=0.02)


def test_frankys_own_default_limits_are_the_pandas_and_the_twin_says_so(twin, robot):
    """At full speed franky 2.0.0 accelerates joint 1 at 15 rad/s^2; the FR3's limit is 10."""
    robot.relative_dynamics_factor = 1.0
    with pytest.raises(franky.ControlException, match="discontinuity"):
        robot.move(franky.JointMotion(np.array(robot.state.q) + np.array([-0.4, 0, 0, 0, 0, 0, 0])))
    robot.recover_from_errors()
    for limit, highest in ((robot.joint_acceleration_limit, 9.0), (robot.joint_jerk_limit, 4500.0)):
        limit.set(np.minimum(limit.get(), highest))
    robot.move(franky.JointMotion(np.array(robot.state.q) + np.array([0.3, 0, 0, 0, 0, 0, 0])))


def _tracked(twin, wait_s: float) -> tuple[np.ndarray, float]:
    """Full states after each of ten control periods, with a tracker that is told a sine."""
    twin.reset(TRIAL)
    robot = connected(twin)
    start = twin.state().joint_pos
    time.sleep(wait_s)
    tracker = franky.JointImpedanceTracker(robot, stiffness=[800.0, 800, 800, 800, 400, 400, 200], max_delta_tau=1000.0)
    states = []
    for k in range(10):
        tracker.set_target(start + 0.1 * np.sin(k / 5) * np.ones(7))
        time.sleep(wait_s * (k % 3) / 10)
        states.append(twin.step().full_state)
    steps, moved = twin.state().control_steps, np.abs(twin.state().joint_pos - start).max()
    assert steps == 10
    twin.free()
    tracker.__exit__(None, None, None)
    return np.array(states), moved


def test_in_gated_mode_the_same_targets_give_the_same_bits_whatever_the_timing(gated_twin):
    first, moved = _tracked(gated_twin, 0.0)
    assert moved > 0.02
    for wait_s in (0.1, 0.03):
        again, _ = _tracked(gated_twin, wait_s)
        assert np.array_equal(first, again)


def test_a_gate_that_no_motion_reaches_is_an_error_that_says_what_to_do(gated_twin, monkeypatch):
    monkeypatch.setattr("sim2real.twin.twin.MOTION_S", 0.1)
    gated_twin.reset(TRIAL)
    with pytest.raises(TwinError, match="no motion stands at the gate"):
        gated_twin.step()


def test_a_reflex_at_the_gate_ends_the_step(gated_twin):
    gated_twin.reset(TRIAL)
    robot = connected(gated_twin)
    robot.recover_from_errors()
    start = gated_twin.state().joint_pos
    tracker = franky.JointImpedanceTracker(robot, stiffness=[100.0] * 7)
    tracker.set_target(start)
    gated_twin.step()
    gated_twin.inject(faults.Reflex())
    with pytest.raises(franky.ControlException, match="cartesian_reflex"):
        robot.join_motion()
    gated_twin.free()
    robot.recover_from_errors()

"""What a bridge expects of a robot, asked of the twin and of franky-sim 1.0.4 (PyPI), a server that is not ours.

franky-sim wants numpy 2, so it runs in an environment of its own; where none runs, its half is skipped:

    python -m venv other && other/bin/pip install franky-sim==1.0.4
    other/bin/python -m franky_sim.run_server -s mujoco --hostname 127.0.0.77
"""

from __future__ import annotations

import socket
import time

import numpy as np
import pytest

from envs.types import Trial
from sim2real.twin import faults, wire

franky = pytest.importorskip("franky")
FRANKY_SIM = "127.0.0.77"


@pytest.fixture(scope="module", params=["twin", "franky_sim"])
def robot(request):
    if request.param == "franky_sim":
        if not listening(FRANKY_SIM):
            pytest.skip(f"no franky-sim runs at {FRANKY_SIM}")
        return connected(FRANKY_SIM)
    twin = request.getfixturevalue("lockstep_twin")
    twin.inject(faults.ConnectionLost())
    twin.reset(Trial("sort_toys", 0))
    return connected(twin.ip)


def listening(ip: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((ip, wire.PORT)) == 0


def connected(ip: str):
    return franky.Robot(ip, realtime_config=franky.RealtimeConfig.Ignore, relative_dynamics_factor=0.2)


def test_it_is_idle_without_errors_and_tells_its_model(robot):
    assert robot.state.robot_mode == franky.RobotMode.Idle
    assert not robot.has_errors
    assert robot.model.pose(franky.Frame.EndEffector, robot.state).translation == pytest.approx(
        robot.current_pose.end_effector_pose.translation, abs=1e-3
    )


def test_joint_motions_arrive(robot):
    goal = np.array(robot.state.q) + 0.05
    robot.move(franky.JointMotion(goal))
    time.sleep(1.0)
    assert np.array(robot.state.q) == pytest.approx(goal, abs=5e-3)


def test_cartesian_motions_arrive(robot):
    start = robot.current_pose.end_effector_pose.translation
    robot.move(franky.CartesianMotion(franky.Affine([0.0, 0.0, -0.03]), franky.ReferenceType.Relative))
    time.sleep(1.0)
    assert np.linalg.norm(robot.current_pose.end_effector_pose.translation - start) == pytest.approx(0.03, abs=3e-3)


def test_torques_track_targets_at_15_hz_and_stop(robot):
    start = np.array(robot.state.q)
    with franky.JointImpedanceTracker(robot, stiffness=[600.0, 600, 600, 600, 250, 150, 50]) as tracker:
        for k in range(20):
            tracker.set_target(start + 0.05 * min(k / 10, 1.0))
            time.sleep(1 / 15)
        assert np.array(robot.state.q) == pytest.approx(start + 0.05, abs=0.03)
    assert robot.state.robot_mode == franky.RobotMode.Idle


def test_a_motion_that_is_stopped_by_another_leaves_no_error(robot):
    robot.move(franky.JointMotion(np.array(robot.state.q) - 0.05), asynchronous=True)
    time.sleep(0.1)
    robot.move(franky.JointMotion(np.array(robot.state.q)), asynchronous=True)
    robot.join_motion()
    assert not robot.has_errors

"""The drivers of both arms and of the gripper against the twin: what they do, what they raise, and that they go on afterwards."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from envs.impedance import JOINT_DAMPING, JOINT_STIFFNESS, MAX_TORQUE
from sim2real.arm import reachable
from sim2real.gripper import RobotiqGripper
from sim2real.outcomes import GripperError, LinkLost, OperatorStop, ReflexError, RobotError
from sim2real.scheduling import Scheduling, urgent
from sim2real.twin import Twin, faults


def test_a_target_within_reach_is_left_alone_and_one_beyond_asks_all_that_the_motors_have():
    at, moving = np.full(7, 0.1), np.linspace(-0.3, 0.3, 7)
    np.testing.assert_allclose(reachable(at + 0.001, at, moving, MAX_TORQUE), at + 0.001, atol=1e-12)
    near = reachable(at + 1.0, at, moving, MAX_TORQUE)
    np.testing.assert_allclose(JOINT_STIFFNESS * (near - at) - JOINT_DAMPING * moving, MAX_TORQUE)


def open_arm(robot, ip):
    if robot == "panda":
        from sim2real.panda_arm import PandaArm

        return PandaArm(ip)
    from sim2real.franky_arm import FrankyArm

    return FrankyArm(ip, realtime=False)


def go(arm, joint_pos, steps=8):
    arm.start(arm.state().joint_pos)
    ends = arm.state().time_s + steps / 15  # by the arm's clock, which a busy machine slows down
    while arm.state().time_s < ends:
        arm.follow(joint_pos)
        time.sleep(1 / 15)


def follow_for_long(arm, joint_pos):
    for _ in range(40):
        arm.follow(joint_pos)
        time.sleep(1 / 15)


def read_what_is_under_way(arm):
    """States that were sent before now still tell of what has just been healed. Fails if they do not go on."""
    seen_s, give_up = arm.state().time_s, time.monotonic() + 20
    while arm.state().time_s < seen_s + 0.01:
        assert time.monotonic() < give_up, "an idle arm's state stands still"


@pytest.mark.parametrize("robot", ["fr3", "panda"])
def test_an_arm_follows_and_comes_back_from_each_way_of_stopping(robot):
    with Twin("sort_toys", "lockstep", robot=robot) as twin:
        arm = open_arm(robot, twin.ip)
        home = arm.state().joint_pos
        with pytest.raises(RobotError, match="call start first"):
            arm.follow(home)
        arm.move_to(home + 0.05)
        np.testing.assert_allclose(arm.state().joint_pos, home + 0.05, atol=0.003)
        go(arm, home, 15)
        np.testing.assert_allclose(twin.state().joint_pos, home, atol=0.02)
        arm.stop()
        arm.stop()  # a second time is nothing
        read_what_is_under_way(arm)
        for fault, error, heal in (
            (faults.Reflex(), ReflexError, None),
            (faults.UserStop(), OperatorStop, faults.UserStop(False)),
            (faults.Silence(1.5), LinkLost, None),
        ):
            go(arm, home, 3)
            twin.inject(fault)
            with pytest.raises(error):
                follow_for_long(arm, home)
            still = twin.state().joint_pos
            time.sleep(0.2)
            np.testing.assert_allclose(twin.state().joint_pos, still, atol=2e-3)
            if heal:
                with pytest.raises(OperatorStop, match="pull it out"):
                    arm.recover()
                twin.inject(heal)
                read_what_is_under_way(arm)
            arm.recover()
        go(arm, home, 15)
        np.testing.assert_allclose(twin.state().joint_pos, home, atol=0.02)
        arm.close()


def in_real_time():
    """Threads of this process that the kernel runs before ordinary ones."""
    return {int(thread) for thread in os.listdir("/proc/self/task") if os.sched_getscheduler(int(thread)) == os.SCHED_FIFO}


def may_run_in_real_time():
    found = []

    def attempt():
        urgent()
        found.append(Scheduling.now().policy)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return found == [os.SCHED_FIFO]


@pytest.mark.parametrize("robot", ["fr3", "panda"])
def test_only_the_drivers_own_threads_run_in_real_time(robot):
    before = Scheduling.now()
    with Twin("sort_toys", "lockstep", robot=robot) as twin:
        arm = open_arm(robot, twin.ip)
        home = arm.state().joint_pos
        for step in (lambda: arm.move_to(home + 0.05), lambda: go(arm, home, 2)):
            step()
            assert Scheduling.now() == before
        mine = threading.get_native_id()
        if may_run_in_real_time():
            assert len(in_real_time() - {mine}) == 2  # the driver's 1 kHz and what leads it
        arm.stop()
        arm.recover()
        assert Scheduling.now() == before
        arm.close()
    assert in_real_time() == set()


def test_the_gripper_closes_opens_and_is_connected_anew_after_it_was_silent():
    with Twin("sort_toys", "lockstep") as twin:
        gripper = RobotiqGripper(twin.gripper_port)
        for closed in (1.0, 0.5, 0.0):
            gripper.go_to(closed)
            time.sleep(0.8)
            assert gripper.go_to(closed) == pytest.approx(closed, abs=0.03)
            assert twin.state().gripper_closed == pytest.approx(closed, abs=0.03)
        twin.inject(faults.GripperSilent())
        with pytest.raises(GripperError, match=twin.gripper_port):
            gripper.go_to(0.5)
        twin.heal()
        gripper.recover()
        gripper.go_to(0.5)
        gripper.close()

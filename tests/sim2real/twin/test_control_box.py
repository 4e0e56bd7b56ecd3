"""The controller over a real scene, without sockets."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest

from envs.types import Trial
from sim2real.twin import wire
from sim2real.twin.control_box import MAX_LOST, ControlBox
from sim2real.twin.plant import Plant
from sim2real.twin.state_record import StateRecord
from sim2real.twin.wire import DIALECTS, Command
from tests.sim2real.twin.test_setpoint import NOTHING


@pytest.fixture(scope="module")
def plant() -> Plant:
    return Plant("close_drawer")


@pytest.fixture
def box(plant) -> ControlBox:
    plant.reset(Trial("close_drawer", 0))
    return ControlBox(plant, DIALECTS[10], b"<robot/>", b"")


def moved(box: ControlBox, controller: int = wire.JOINT_IMPEDANCE, generator: int = wire.JOINT_VELOCITY) -> list[str]:
    """Ask for a motion; the statuses of what was answered."""
    box.request("move", 1, struct.pack("<II", controller, generator) + bytes(105))
    return answers(box)


def answers(box: ControlBox) -> list[str]:
    statuses = [f"{name}: {status}" for name, _, status, _ in box.replies]
    box.replies.clear()
    return statuses


def run(box: ControlBox, command: Command | None, ticks: int = 1) -> None:
    for _ in range(ticks):
        box.tick(command)
        box.plant.step()
        box.after_step()


def velocity(value: float) -> Command:
    return replace(NOTHING, joint_vel=(value,) + (0.0,) * 6)


def test_a_motion_is_started_followed_and_finished(box):
    start = box.plant.joint_pos[0]
    assert moved(box) == ["move: started"]
    assert box.mode == wire.MODE_MOVE
    for i in range(100):
        run(box, velocity(min(i, 50) * 0.004))
    run(box, replace(velocity(0.0), finished=True))
    assert answers(box) == ["move: ok"]
    assert box.mode == wire.MODE_IDLE
    run(box, None, 300)
    assert box.plant.joint_pos[0] - start == pytest.approx(0.2 * 0.075, abs=5e-4)
    assert box.errors == ()


def test_before_its_first_command_a_motion_waits_and_nothing_counts_as_lost(box):
    start = box.plant.joint_pos.copy()
    moved(box)
    run(box, None, 100)
    assert (box.lost_total, box.mode) == (0, wire.MODE_MOVE)
    assert box.plant.joint_pos == pytest.approx(start, abs=1e-4)


def test_nineteen_lost_commands_in_a_row_are_bridged_the_twentieth_stops_the_arm(box):
    moved(box)
    run(box, velocity(0.0))
    run(box, None, MAX_LOST - 1)
    assert box.mode == wire.MODE_MOVE
    run(box, velocity(0.0))
    run(box, None, MAX_LOST)
    assert box.errors == ("communication_constraints_violation",)
    assert answers(box) == ["move: reflex aborted"]


def test_a_reflex_takes_no_motion_until_recovery(box):
    moved(box)
    run(box, velocity(3.0))
    assert box.mode == wire.MODE_REFLEX
    assert answers(box) == ["move: reflex aborted"]
    assert moved(box) == ["move: not possible"]
    box.forget_client()  # a new connection does not help
    assert moved(box) == ["move: not possible"]
    box.request("recover", 2, b"")
    assert answers(box) == ["recover: ok"]
    assert moved(box) == ["move: started"]


def test_the_stop_button_ends_a_motion_and_no_software_releases_it(box):
    moved(box)
    box.user_stop(True)
    assert answers(box) == ["move: emergency aborted"]
    box.request("recover", 2, b"")
    assert [*answers(box), *moved(box)] == ["recover: not possible", "move: not possible"]
    box.user_stop(False)
    assert moved(box) == ["move: started"]


def test_stopping_without_a_motion_is_answered_too(box):
    box.request("stop_move", 1, b"")
    assert answers(box) == ["stop_move: ok"]
    moved(box)
    box.request("stop_move", 2, b"")
    assert answers(box) == ["stop_move: ok", "move: preempted"]


def test_settings_are_refused_in_motion_and_where_they_make_no_sense(box):
    stiffness = struct.pack("<7d", *[500.0] * 7)
    box.request("set_joint_impedance", 1, stiffness)
    box.request("set_joint_impedance", 2, struct.pack("<7d", *[-1.0] * 7))
    box.request("set_load", 3, struct.pack("<13d", *[np.nan] * 13))
    moved_box = answers(box)
    assert moved_box == ["set_joint_impedance: ok", "set_joint_impedance: invalid argument", "set_load: invalid argument"]
    assert box.stiffness[0] == 500.0
    moved(box)
    box.request("set_joint_impedance", 4, stiffness)
    assert answers(box) == ["set_joint_impedance: not possible"]


def test_a_torque_motion_moves_the_joint_that_is_pushed_and_ends_held(box):
    start = box.plant.joint_pos.copy()
    moved(box, wire.EXTERNAL, wire.NO_GENERATOR)
    for i in range(50):
        run(box, replace(NOTHING, torque=(min(i * 0.5, 10.0),) + (0.0,) * 6))
    assert box.plant.joint_vel[0] > 0.1
    run(box, replace(NOTHING, finished=True))
    run(box, None, 500)
    assert box.plant.joint_pos[0] > start[0]
    assert np.abs(box.plant.joint_vel).max() < 1e-2


def test_a_push_beyond_the_thresholds_stops_a_motion(box):
    moved(box)
    run(box, velocity(0.0), 5)
    wrench = box.after_step().wrench
    assert np.abs(wrench).max() < 1.0  # nothing is touched
    box.plant.pushed.torque[:] = 30.0
    box.after_step()
    assert box.errors == ("joint_reflex",)


def test_the_state_tells_modes_errors_and_poses(box):
    record = StateRecord(box)
    record.message_id = 5
    moved(box)
    record.fill(box, box.after_step())
    s = record.record[0]
    assert (s["motion_generator_mode"], s["controller_mode"], s["robot_mode"]) == (wire.JOINT_VELOCITY + 1, 0, wire.MODE_MOVE)
    assert s["q"] == pytest.approx(box.plant.joint_pos, abs=1e-6)
    assert s["O_T_EE"].reshape(4, 4, order="F") == pytest.approx(box.arm.pose(box.plant.joint_pos), abs=1e-6)
    flange_chain = s["F_T_NE"].reshape(4, 4, order="F") @ s["NE_T_EE"].reshape(4, 4, order="F")
    assert s["F_T_EE"].reshape(4, 4, order="F") == pytest.approx(flange_chain, abs=1e-6)
    box.reflex(("cartesian_reflex",))
    record.fill(box, box.after_step())
    assert np.flatnonzero(s["errors"]).tolist() == np.flatnonzero(s["reflex_reason"]).tolist() == [7]
    box.request("recover", 2, b"")
    record.fill(box, box.after_step())
    assert (s["errors"].sum(), s["reflex_reason"].sum(), s["robot_mode"]) == (0, 1, wire.MODE_IDLE)
    assert len(record.packet()) == 1377


def test_a_client_may_set_its_own_ee_frame(box):
    offset = np.eye(4)
    offset[2, 3] = 0.05
    before = box.ee_pose_at(box.plant.joint_pos)
    box.request("set_ne_to_ee", 1, offset.ravel("F").tobytes())
    assert box.ee_pose_at(box.plant.joint_pos)[:3, 3] == pytest.approx(before[:3, 3] + 0.05 * before[:3, 2])

"""Executes one action, or a hold, for one control step: the guard, arm and gripper, and the log of what came of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.geometry import rot6d_from_matrix
from envs.types import CAMERAS
from sim2real.arm import Vector
from sim2real.motion_log import MotionLog, MotionRow
from sim2real.outcomes import RobotError
from sim2real.safety import Guard, Sent
from sim2real.watch import Watch

NOTHING = np.full(10, np.nan)


class Executor:
    """`rows`: the log. `command`: (7,) rad, the joint target in force. `action_sent`: (10,) float32, the action as last sent.

    What goes wrong with a device ends the episode through `watch` and never raises.
    """

    def __init__(self, guard: Guard, watch: Watch):
        self.guard, self.watch, self.rig = guard, watch, watch.rig
        self.begin(np.zeros(7))

    def begin(self, command: Vector) -> None:
        """A new episode starts at these joints (7,) rad, the gripper open."""
        self.rows: list[MotionRow] = []
        self.command = self._joint_pos = command
        self.action_sent = self._pose_action(command, 0.0)
        self.gripper = self._gripper_asked = 0.0

    @property
    def log(self) -> MotionLog:
        """What was asked, sent and done in this episode."""
        return MotionLog.of(self.rows)

    @property
    def why(self) -> str:
        """What the last control step was held or changed for."""
        return self.rows[-1].why if self.rows else ""

    def execute(self, action: NDArray[np.floating]) -> None:
        """Send an action (10,), within the limits, and wait until the control step is over.

        Raises:
            ValueError: the action is none; nothing was sent.
        """
        sent = self.guard.command(self.command, action)
        self._gripper_asked, self.action_sent = float(sent.sent[-1]), sent.sent
        self._send(sent)

    def hold(self, why: RobotError | None) -> None:
        """Stay for a control step where the arm was told to be."""
        self._send(Sent(NOTHING, NOTHING, NOTHING, self.command, (f"held: {why}",)))

    def agent_pos(self) -> NDArray[np.float32]:
        """(17,) float32: joint_pos 7 rad, ee_pos 3 m, ee rot6d 6, gripper_closed 1; the last known where the arm is silent."""
        try:
            self._joint_pos = self.rig.arm.state().joint_pos
        except RobotError as error:
            self.watch.end(error)
        return np.r_[self._joint_pos, self._pose_action(self._joint_pos, self.gripper)].astype(np.float32)

    def _send(self, sent: Sent) -> None:
        """Tell arm and gripper, wait for the period's end, and write down what came of it."""
        clock, began = self.rig.clock, self.rig.clock.now()
        try:
            self.watch.follow(sent.joint_pos)
            self.command = sent.joint_pos
            self.gripper = self.rig.gripper.go_to(self._gripper_asked)
            clock.wait()
            state = self.rig.arm.state()
        except RobotError as error:
            self.watch.end(error)
            return
        captured = np.array([self.watch.frames[name].captured_s for name in CAMERAS])
        self.rows.append(
            MotionRow(began, clock.now(), sent.asked, sent.clamped, sent.sent, self.command, state.joint_pos, state.joint_vel, state.torque_ext,
                      self._gripper_asked, self.gripper, captured, "; ".join(sent.why))
        )  # fmt: skip

    def _pose_action(self, joint_pos: Vector, closed: float) -> NDArray[np.float32]:
        pos, mat = self.guard.ik.pose(joint_pos)
        return np.r_[pos, rot6d_from_matrix(mat), closed].astype(np.float32)

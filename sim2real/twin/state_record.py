"""The state that the robot tells at 1 kHz: one record, filled anew every millisecond."""

from __future__ import annotations

import numpy as np

from envs.motion import TICK
from envs.push import Push
from sim2real.twin import wire
from sim2real.twin.arm_model import Matrix
from sim2real.twin.control_box import ControlBox
from sim2real.twin.setpoint import Setpoint

GRAVITY = (0.0, 0.0, -9.81)  # m/s^2 in the base; libfranka's Model.gravity takes it from the state


class StateRecord:
    """A RobotState of the dialect's layout. `message_id` is the robot's time in ms."""

    def __init__(self, box: ControlBox):
        self.record = np.zeros(1, box.dialect.state)
        self._setpoint: Setpoint | None = None  # the one that `_desired` is of
        self._desired = np.eye(4)
        s, hand = self.record[0], box.hand
        s["F_T_NE"] = column_major(hand.flange_to_ee)
        s["m_ee"], s["F_x_Cee"], s["I_ee"] = hand.mass, hand.com, hand.inertia.ravel()
        s["O_ddP_O"] = GRAVITY

    @property
    def message_id(self) -> int:
        """Robot time, ms."""
        return int(self.record["message_id"][0])

    @message_id.setter
    def message_id(self, value: int) -> None:
        self.record["message_id"] = value

    def packet(self) -> bytes:
        """The datagram."""
        return self.record.tobytes()

    def fill(self, box: ControlBox, push: Push) -> None:
        """Take the present state of the box and its plant; `message_id` is the caller's."""
        s, plant, now, motion = self.record[0], box.plant, box.setpoint, box.motion
        torque = plant.torque + plant.gravity
        s["dtau_J"] = (torque - s["tau_J"]) / TICK
        s["q"] = s["theta"] = q = plant.joint_pos
        s["dq"] = s["dtheta"] = plant.joint_vel
        s["tau_J"], s["tau_J_d"] = torque, now.torque
        s["q_d"], s["dq_d"], s["ddq_d"] = now.joint_pos, now.joint_vel, now.joint_acc
        pose = plant.ee_pose() @ box.ne_to_ee
        generator = motion.generator if motion is not None and motion.started else wire.NO_GENERATOR
        moving_ee = generator in (wire.CARTESIAN_POSE, wire.CARTESIAN_VELOCITY)
        if motion is not None and motion.torque and motion.started:
            desired = pose
        else:
            if now is not self._setpoint:
                self._setpoint, self._desired = now, box.ee_pose_at(now.joint_pos)
            desired = self._desired
        s["O_T_EE"], s["O_T_EE_d"] = column_major(pose), column_major(desired)
        s["O_T_EE_c"] = column_major(box.ee_command if generator == wire.CARTESIAN_POSE else desired)
        s["O_ddP_EE_c"] = (box.ee_twist - s["O_dP_EE_c"]) / TICK if moving_ee else 0.0
        s["O_dP_EE_c"] = s["O_dP_EE_d"] = box.ee_twist if moving_ee else 0.0
        s["elbow"] = (q[2], -1.0 if q[3] < 0 else 1.0)
        s["elbow_d"] = s["elbow_c"] = (now.joint_pos[2], -1.0 if now.joint_pos[3] < 0 else 1.0)
        s["F_T_EE"], s["NE_T_EE"] = column_major(box.hand.flange_to_ee @ box.ne_to_ee), column_major(box.ne_to_ee)
        s["EE_T_K"] = column_major(box.ee_to_k)
        s["m_load"], s["F_x_Cload"], s["I_load"] = box.load
        _fill_push(s, box, push, pose[:3, :3])
        s["motion_generator_mode"] = wire.IDLE_GENERATOR if motion is None else motion.generator + 1
        s["controller_mode"] = wire.OTHER if motion is None else motion.controller
        s["robot_mode"] = box.mode
        s["errors"] = [name in box.errors for name in wire.ERRORS] if box.errors else 0
        s["reflex_reason"] = [name in box.last_errors for name in wire.ERRORS] if box.last_errors else 0
        s["control_command_success_rate"] = box.success if motion is not None else 0.0


def _fill_push(s: np.void, box: ControlBox, push: Push, ee_mat: Matrix) -> None:
    torque, wrench, thresholds = np.abs(push.torque), np.abs(push.wrench), box.thresholds
    s["tau_ext_hat_filtered"], s["O_F_ext_hat_K"] = push.torque, push.wrench
    s["K_F_ext_hat_K"][:3], s["K_F_ext_hat_K"][3:] = ee_mat.T @ push.wrench[:3], ee_mat.T @ push.wrench[3:]
    s["joint_contact"], s["joint_collision"] = torque > thresholds.lower_torque, torque > thresholds.upper_torque
    s["cartesian_contact"] = wrench > thresholds.lower_force
    s["cartesian_collision"] = wrench > thresholds.upper_force


def column_major(matrix: Matrix) -> Matrix:
    """(16,) of a (4, 4)."""
    return matrix.ravel("F")

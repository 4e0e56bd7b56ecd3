"""The Franka Control Interface on the wire: packets, command numbers and status codes of versions 5 to 10.

Source: libfranka-common's headers (Apache-2.0) for each version, and what libfranka 0.9.2, 0.15.3 and 0.21.2 were seen to
send and accept. Everything is little-endian and packed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

PORT = 1337  # TCP; fixed in libfranka
HEADER = struct.Struct("<III")  # command, command_id, size of header and payload

IDENTITY = np.eye(4).ravel()

# --- enumerations of requests and states ---
JOINT_IMPEDANCE, CARTESIAN_IMPEDANCE, EXTERNAL, OTHER = range(4)  # controller mode; OTHER in states only
JOINT_POSITION, JOINT_VELOCITY, CARTESIAN_POSE, CARTESIAN_VELOCITY, NO_GENERATOR = range(5)  # of a Move; in states + 1
IDLE_GENERATOR = 0
MODE_OTHER, MODE_IDLE, MODE_MOVE, MODE_GUIDING, MODE_REFLEX, MODE_USER_STOPPED, MODE_RECOVERY = range(7)
MODE_NAMES = ("other", "idle", "moving", "guiding", "reflex", "user stopped", "recovering")

ERRORS = (
    "joint_position_limits_violation",
    "cartesian_position_limits_violation",
    "self_collision_avoidance_violation",
    "joint_velocity_violation",
    "cartesian_velocity_violation",
    "force_control_safety_violation",
    "joint_reflex",
    "cartesian_reflex",
    "max_goal_pose_deviation_violation",
    "max_path_pose_deviation_violation",
    "cartesian_velocity_profile_safety_violation",
    "joint_position_motion_generator_start_pose_invalid",
    "joint_motion_generator_position_limits_violation",
    "joint_motion_generator_velocity_limits_violation",
    "joint_motion_generator_velocity_discontinuity",
    "joint_motion_generator_acceleration_discontinuity",
    "cartesian_position_motion_generator_start_pose_invalid",
    "cartesian_motion_generator_elbow_limit_violation",
    "cartesian_motion_generator_velocity_limits_violation",
    "cartesian_motion_generator_velocity_discontinuity",
    "cartesian_motion_generator_acceleration_discontinuity",
    "cartesian_motion_generator_elbow_sign_inconsistent",
    "cartesian_motion_generator_start_elbow_invalid",
    "force_controller_desired_force_tolerance_violation",
    "start_elbow_sign_inconsistent",
    "communication_constraints_violation",
    "power_limit_violation",
    "cartesian_motion_generator_joint_position_limits_violation",
    "cartesian_motion_generator_joint_velocity_limits_violation",
    "cartesian_motion_generator_joint_velocity_discontinuity",
    "cartesian_motion_generator_joint_acceleration_discontinuity",
    "cartesian_position_motion_generator_invalid_frame",
    "controller_torque_discontinuity",
    "joint_p2p_insufficient_torque_for_planning",
    "tau_J_range_violation",
    "instability_detected",
    "joint_move_in_wrong_direction",
    "cartesian_spline_motion_generator_violation",
    "joint_via_motion_generator_planning_joint_limit_violation",
    "base_acceleration_initialization_timeout",
    "base_acceleration_invalid_reading",
)

_STATE_BEFORE_ACCELEROMETERS = (
    ("O_T_EE", 16), ("O_T_EE_d", 16), ("F_T_EE", 16), ("EE_T_K", 16), ("F_T_NE", 16), ("NE_T_EE", 16),
    ("m_ee", 1), ("I_ee", 9), ("F_x_Cee", 3), ("m_load", 1), ("I_load", 9), ("F_x_Cload", 3),
    ("elbow", 2), ("elbow_d", 2), ("tau_J", 7), ("tau_J_d", 7), ("dtau_J", 7),
    ("q", 7), ("q_d", 7), ("dq", 7), ("dq_d", 7), ("ddq_d", 7),
    ("joint_contact", 7), ("cartesian_contact", 6), ("joint_collision", 7), ("cartesian_collision", 6),
    ("tau_ext_hat_filtered", 7), ("O_F_ext_hat_K", 6), ("K_F_ext_hat_K", 6), ("O_dP_EE_d", 6), ("O_ddP_O", 3),
    ("elbow_c", 2), ("delbow_c", 2), ("ddelbow_c", 2), ("O_T_EE_c", 16), ("O_dP_EE_c", 6), ("O_ddP_EE_c", 6),
    ("theta", 7), ("dtheta", 7),
)  # fmt: skip
_ACCELEROMETERS = (("accelerometer_top", 18), ("accelerometer_bottom", 18))


def _state_dtype(number: str, accelerometers: bool) -> np.dtype:
    fields: list[tuple] = [("message_id", "<u8")]
    for name, count in _STATE_BEFORE_ACCELEROMETERS + (_ACCELEROMETERS if accelerometers else ()):
        fields.append((name, number, (count,)) if count > 1 else (name, number))
    fields += [("motion_generator_mode", "u1"), ("controller_mode", "u1"), ("errors", "u1", (41,))]
    fields += [("reflex_reason", "u1", (41,)), ("robot_mode", "u1"), ("control_command_success_rate", number)]
    return np.dtype(fields)


_SETTERS = (
    "set_collision_behavior", "set_joint_impedance", "set_cartesian_impedance", "set_guiding_mode", "set_ee_to_k",
    "set_ne_to_ee", "set_load",
)  # fmt: skip
_OLD = ("connect", "move", "stop_move", "get_cartesian_limit", *_SETTERS, "set_filters", "recover", "load_model")
_MIDDLE = ("connect", "move", "stop_move", *_SETTERS, "recover", "load_model")
_NEW = ("connect", "move", "stop_move", *_SETTERS, "recover", "get_robot_model")

# What happened to a request: name -> number on the wire, which differs from command to command.
OK, NOT_POSSIBLE, INVALID = "ok", "not possible", "invalid argument"
STARTED, PREEMPTED, REFLEX_ABORTED, EMERGENCY_ABORTED = "started", "preempted", "reflex aborted", "emergency aborted"
_MOVE_OLD = {OK: 0, STARTED: 1, PREEMPTED: 2, NOT_POSSIBLE: 3, INVALID: 5, REFLEX_ABORTED: 6, EMERGENCY_ABORTED: 7}
_MOVE_NEW = {OK: 0, STARTED: 1, PREEMPTED: 2, NOT_POSSIBLE: 5, INVALID: 7, REFLEX_ABORTED: 8, EMERGENCY_ABORTED: 9}
_OTHERS = {OK: 0, NOT_POSSIBLE: 1, INVALID: 2}


@dataclass(frozen=True)
class Dialect:
    """One version of the interface: `commands` by their number, the layout of states and commands."""

    version: int
    commands: tuple[str, ...]
    state: np.dtype
    command: struct.Struct
    moves: dict[str, int]

    def name(self, number: int) -> str:
        """What a command number asks for."""
        if number >= len(self.commands):
            raise ValueError(f"command {number} is none of version {self.version}, whose last is {len(self.commands) - 1}")
        return self.commands[number]

    def reply(self, name: str, command_id: int, status: str, extra: bytes = b"") -> bytes:
        """The answer to a request."""
        code = (self.moves if name == "move" else _OTHERS)[status]
        return HEADER.pack(self.commands.index(name), command_id, HEADER.size + 1 + len(extra)) + bytes([code]) + extra

    def decode(self, datagram: bytes) -> Command | None:
        """A command datagram; None if it has another version's size."""
        if len(datagram) != self.command.size:
            return None
        v = self.command.unpack(datagram)
        torque_finished = bool(v[48]) if len(v) > 48 else False
        return Command(v[0], v[1:8], v[8:15], v[15:31], v[31:37], v[37:39], bool(v[39]), bool(v[40]) or torque_finished, v[41:48])


@dataclass(frozen=True)
class Command:
    """A RobotCommand: the answer to state `message_id`. Only the fields of the active generator mean anything."""

    message_id: int
    joint_pos: tuple[float, ...]  # 7, rad
    joint_vel: tuple[float, ...]  # 7, rad/s
    ee_pose: tuple[float, ...]  # 16, column-major
    ee_twist: tuple[float, ...]  # 6, m/s and rad/s
    elbow: tuple[float, ...]  # q3 rad, sign of q4
    elbow_valid: bool
    finished: bool
    torque: tuple[float, ...]  # 7, Nm, without gravity


_COMMAND_NEW = struct.Struct("<Q7d7d16d6d2d??7d?")
_COMMAND_OLD = struct.Struct("<Q7d7d16d6d2d??7d")
_FLOAT32, _FLOAT64 = _state_dtype("<f4", True), _state_dtype("<f8", False)

DIALECTS: dict[int, Dialect] = {
    5: Dialect(5, _OLD, _FLOAT64, _COMMAND_OLD, _MOVE_OLD),  # Panda, system 4.2.1 and later
    9: Dialect(9, (*_MIDDLE, "get_robot_model"), _FLOAT64, _COMMAND_NEW, _MOVE_NEW),  # FR3, system 5.7.2 and later
    10: Dialect(10, _NEW, _FLOAT32, _COMMAND_NEW, _MOVE_NEW),  # FR3, system 5.9.0 and later
}

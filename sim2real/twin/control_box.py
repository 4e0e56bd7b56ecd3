"""The robot's controller: its modes, motions, errors and settings. It answers requests and acts on commands; no sockets here."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from envs.push import Push
from sim2real.twin import wire
from sim2real.twin.arm_model import ArmModel, Matrix, end_effector
from sim2real.twin.plant import Plant
from sim2real.twin.robots import JOINT_STIFFNESS
from sim2real.twin.setpoint import Setpoint, command_errors, motion_errors, motion_setpoint, torque_errors
from sim2real.twin.wire import INVALID, NOT_POSSIBLE, OK, Command, Dialect

MAX_LOST = 20  # commands in a row (Franka Control Interface documentation, "communication_constraints_violation")
SUCCESS_WINDOW = 100  # ms over which the success rate of commands is taken
Reply = tuple[str, int, str, bytes]  # command, its id, status, extra bytes


@dataclass
class Motion:
    """A Move under way. `started`: its first command has come; `lost`: commands in a row that have not."""

    command_id: int
    controller: int
    generator: int
    started: bool = False
    lost: int = 0

    @property
    def torque(self) -> bool:
        """Whether the client commands torques."""
        return self.controller == wire.EXTERNAL


@dataclass
class Thresholds:
    """From where a contact is told (`lower`) and stops a motion (`upper`): torques (7,) Nm, forces (6,) N, Nm."""

    lower_torque: Matrix
    upper_torque: Matrix
    lower_force: Matrix
    upper_force: Matrix


class ControlBox:
    """One arm's controller over a plant."""

    def __init__(self, plant: Plant, dialect: Dialect, urdf: bytes, library: bytes):
        self.plant, self.robot, self.dialect = plant, plant.robot, dialect
        self.arm, self.hand = ArmModel(), end_effector()
        self._answers = {"get_robot_model": urdf, "load_model": library}
        self.replies: list[Reply] = []
        self.errors: tuple[str, ...] = ()
        self.last_errors: tuple[str, ...] = ()
        self.user_stopped = False
        self.lost_total = 0  # commands that a motion waited for and did not get
        self.commands = 0  # that reached the arm
        self.forget_client()
        self.hold()

    def forget_client(self) -> None:
        """What a new connection starts with; errors stay."""
        self.motion: Motion | None = None
        self.success = 1.0
        self.stiffness = np.array(JOINT_STIFFNESS)
        self.thresholds = Thresholds(np.full(7, 20.0), np.full(7, 20.0), np.full(6, 25.0), np.full(6, 25.0))
        self.ee_to_k, self.ne_to_ee = np.eye(4), np.eye(4)
        self.load = (0.0, np.zeros(3), np.zeros(9))  # kg, m, kg m^2

    @property
    def mode(self) -> int:
        """The robot mode, as states tell it."""
        if self.user_stopped:
            return wire.MODE_USER_STOPPED
        if self.errors:
            return wire.MODE_REFLEX
        return wire.MODE_MOVE if self.motion else wire.MODE_IDLE

    def hold(self) -> None:
        """The arm is held where it is."""
        self.setpoint = Setpoint(self.plant.joint_pos.copy())
        self.ee_command = self.ee_pose_at(self.setpoint.joint_pos)
        self.ee_twist = np.zeros(6)

    def ee_pose_at(self, joint_pos: Matrix) -> Matrix:
        """(4, 4) client's ee frame in the base at these joints."""
        return self.arm.pose(joint_pos) @ self.ne_to_ee

    # --- requests ---

    def request(self, name: str, command_id: int, payload: bytes) -> None:
        """Answer a request; the answers are in `replies`. (`connect` is the connection's own.)"""
        if name == "move":
            self._move(command_id, payload)
        elif name == "stop_move":
            self._reply("stop_move", command_id, OK)
            self.end_motion(wire.PREEMPTED)
        elif name == "recover":
            self._reply("recover", command_id, NOT_POSSIBLE if self.user_stopped else OK)
            if not self.user_stopped:
                self.errors = ()
        elif name in self._answers:
            self._reply(name, command_id, OK, self._answers[name])
        elif self.motion is not None:
            self._reply(name, command_id, NOT_POSSIBLE)
        else:
            self._reply(name, command_id, self._set(name, payload))

    def _move(self, command_id: int, payload: bytes) -> None:
        controller, generator = struct.unpack_from("<II", payload)
        if self.errors or self.user_stopped or self.motion is not None:
            self._reply("move", command_id, NOT_POSSIBLE)
        elif controller > wire.EXTERNAL or generator > wire.NO_GENERATOR:
            self._reply("move", command_id, INVALID)
        else:
            self.motion = Motion(command_id, controller, generator)
            self.hold()
            self.success = 1.0
            self._reply("move", command_id, wire.STARTED)

    def _set(self, name: str, payload: bytes) -> str:
        """Take a setting; the status."""
        values = np.frombuffer(payload, "<f8") if len(payload) % 8 == 0 else np.zeros(0)
        if not np.all(np.isfinite(values)):
            return INVALID
        if name == "set_collision_behavior":
            torque, force = values[:28].reshape(4, 7), values[28:52].reshape(4, 6)
            if np.any(values < 0):
                return INVALID
            self.thresholds = Thresholds(torque[2], torque[3], force[2], force[3])
        elif name == "set_joint_impedance":
            if np.any(values <= 0):
                return INVALID
            self.stiffness = values.copy()
        elif name in ("set_ee_to_k", "set_ne_to_ee"):
            frame = values.reshape(4, 4, order="F").copy()
            if name == "set_ee_to_k":
                self.ee_to_k = frame
            else:
                self.ne_to_ee = frame
                self.hold()
        elif name == "set_load":
            self.load = (float(values[0]), values[1:4].copy(), values[4:13].copy())
        return OK

    def _reply(self, name: str, command_id: int, status: str, extra: bytes = b"") -> None:
        self.replies.append((name, command_id, status, extra))

    # --- what stops a motion ---

    def end_motion(self, status: str) -> None:
        """The motion under way, if any, ends, and its Move is answered."""
        motion, self.motion = self.motion, None
        if motion is None:
            return
        if motion.torque or status in (wire.REFLEX_ABORTED, wire.EMERGENCY_ABORTED):
            self.hold()
        else:
            self.setpoint = Setpoint(self.setpoint.joint_pos)
        self._reply("move", motion.command_id, status)

    def reflex(self, errors: tuple[str, ...]) -> None:
        """The arm stops itself; it stays in reflex mode, over connections too, until told to recover."""
        self.errors = self.last_errors = errors
        self.end_motion(wire.REFLEX_ABORTED)
        self.hold()

    def user_stop(self, pressed: bool) -> None:
        """The stop button is pressed, or pulled out."""
        self.user_stopped = pressed
        if pressed:
            self.end_motion(wire.EMERGENCY_ABORTED)
            self.hold()

    # --- motion ---

    def tick(self, command: Command | None) -> None:
        """Set the actuators for the next millisecond; `command`: the answer to the last state, None if it did not come."""
        motion = self.motion
        if motion is not None and (command is not None or motion.started):
            self._follow(motion, command)
        if self.motion is not None and self.motion.started and self.motion.torque:
            self.plant.drive(self.setpoint.torque)
        else:
            self.plant.servo(self.setpoint.joint_pos, self.setpoint.joint_vel, self.stiffness)

    def _follow(self, motion: Motion, command: Command | None) -> None:
        self.success += (float(command is not None) - self.success) / SUCCESS_WINDOW
        if command is None:
            self.lost_total += 1
            motion.lost += 1
            if motion.lost >= MAX_LOST:
                self.reflex(("communication_constraints_violation",))
            elif not motion.torque:
                self.setpoint = self.setpoint.extrapolated()
            return
        motion.lost = 0
        self.commands += 1
        if command.finished:
            self.end_motion(OK)
            return
        first, motion.started = not motion.started, True
        errors = command_errors(command, motion.generator, motion.torque)
        new = self.setpoint
        if not errors:
            new, errors = self._next(motion, command, first)
        if errors:
            self.reflex(errors)
        else:
            self.setpoint = new

    def _next(self, motion: Motion, command: Command, first: bool) -> tuple[Setpoint, tuple[str, ...]]:
        last, plant = self.setpoint, self.plant
        if motion.torque:
            torque = np.array(command.torque)
            errors = torque_errors(torque, last.torque, plant.joint_pos, plant.joint_vel, self.robot)
            return Setpoint(plant.joint_pos.copy(), torque=torque), errors
        if motion.generator == wire.CARTESIAN_POSE:
            self.ee_command = np.array(command.ee_pose).reshape(4, 4, order="F")
        elif motion.generator == wire.CARTESIAN_VELOCITY:
            self.ee_twist = np.array(command.ee_twist)
        new = motion_setpoint(command, motion.generator, last, self.arm, self.ne_to_ee)
        return new, motion_errors(new, last, motion.generator, self.robot, first)

    def after_step(self) -> Push:
        """What pushes the arm now; a push beyond the thresholds stops a motion."""
        push = self.plant.pushed.push()
        if self.motion is not None and self.motion.started:
            if (np.abs(push.torque) > self.thresholds.upper_torque).any():
                self.reflex(("joint_reflex",))
            elif (np.abs(push.wrench) > self.thresholds.upper_force).any():
                self.reflex(("cartesian_reflex",))
        return push

"""What the arm is to do in the next millisecond: from the client's command, or, if that is lost, from the ones before it.

The rules are those of the Franka Control Interface documentation ("Robot limits", "Non-realtime behaviour"): derivatives by
backward differences over 1 ms, a limit broken stops the motion with an error, a lost command is replaced by going on with the
same acceleration (torque: the same torque). How far a real arm tolerates a limit to be passed is not published; here it is a tenth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from envs.motion import TICK
from sim2real.twin.arm_model import ArmModel, Matrix
from sim2real.twin.robots import TORQUE, RobotKind
from sim2real.twin.wire import CARTESIAN_POSE, JOINT_POSITION, JOINT_VELOCITY, Command

TOLERANCE = 1.1
START_TOLERANCE = 0.01  # rad between the arm's command and the first of a motion
DAMPING = 1e-6
_TORQUE = np.array(TORQUE)
ELBOW_STEP = 1e-3  # rad a tick at most, by which the null space follows a commanded elbow


def _zeros() -> Matrix:
    return np.zeros(7)


@dataclass(frozen=True)
class Setpoint:
    """Joints (7,): rad, rad/s, rad/s^2; `torque` (7,) Nm is what a torque motion commands."""

    joint_pos: Matrix
    joint_vel: Matrix = field(default_factory=_zeros)
    joint_acc: Matrix = field(default_factory=_zeros)
    torque: Matrix = field(default_factory=_zeros)

    def extrapolated(self) -> Setpoint:
        """The next one where the command was lost."""
        vel = self.joint_vel + self.joint_acc * TICK
        return replace(self, joint_pos=self.joint_pos + vel * TICK, joint_vel=vel)

    def moved_to(self, joint_pos: Matrix) -> Setpoint:
        """The next one, whose derivatives are the differences to this one."""
        vel = (joint_pos - self.joint_pos) / TICK
        return replace(self, joint_pos=joint_pos, joint_vel=vel, joint_acc=(vel - self.joint_vel) / TICK)


def motion_setpoint(command: Command, generator: int, last: Setpoint, arm: ArmModel, ee: Matrix) -> Setpoint:
    """The setpoint that a motion generator's command asks for; `ee`: (4, 4) client's ee frame in the scene's."""
    if generator == JOINT_POSITION:
        return last.moved_to(np.array(command.joint_pos))
    if generator == JOINT_VELOCITY:
        return last.moved_to(last.joint_pos + np.array(command.joint_vel) * TICK)
    frame, jac = arm.jacobian(last.joint_pos, ee)
    if generator == CARTESIAN_POSE:
        move = _difference(frame, np.array(command.ee_pose).reshape(4, 4, order="F"))
    else:
        move = np.array(command.ee_twist) * TICK
    step = jac.T @ np.linalg.solve(jac @ jac.T + DAMPING * np.eye(6), move)
    if command.elbow_valid:
        null = np.linalg.svd(jac)[2][-1]
        if abs(null[2]) > 0.05:  # else the elbow cannot be moved by itself
            step += null / null[2] * np.clip(command.elbow[0] - last.joint_pos[2] - step[2], -ELBOW_STEP, ELBOW_STEP)
    return last.moved_to(last.joint_pos + step)


def _difference(here: Matrix, there: Matrix) -> Matrix:
    """(6,) m, rad: the small motion from one pose (4, 4) to another, in the base's directions."""
    turn = there[:3, :3] @ here[:3, :3].T
    spin = 0.5 * np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    return np.r_[there[:3, 3] - here[:3, 3], spin]


@cache
def _limits(robot: RobotKind) -> tuple[Matrix, Matrix, Matrix, Matrix, Matrix]:
    """Lowest and highest joints, and the velocity, acceleration and its step in 1 ms from which on there is an error: (7,) each."""
    low, high, velocity, acceleration, jerk = map(np.array, (robot.low, robot.high, robot.velocity, robot.acceleration, robot.jerk))
    return low, high, TOLERANCE * velocity, TOLERANCE * acceleration, TOLERANCE * jerk * TICK


def command_errors(command: Command, generator: int, torque: bool) -> tuple[str, ...]:
    """What is wrong with a command by itself."""
    if torque:
        return () if all(map(math.isfinite, command.torque)) else ("controller_torque_discontinuity",)
    if generator in (JOINT_POSITION, JOINT_VELOCITY):
        values = command.joint_pos if generator == JOINT_POSITION else command.joint_vel
        return () if np.all(np.isfinite(values)) else ("joint_motion_generator_velocity_discontinuity",)
    if generator != CARTESIAN_POSE:
        return () if np.all(np.isfinite(command.ee_twist)) else ("cartesian_motion_generator_velocity_discontinuity",)
    pose = np.array(command.ee_pose).reshape(4, 4, order="F")
    turn = pose[:3, :3]
    is_frame = np.all(np.isfinite(pose)) and np.allclose(turn @ turn.T, np.eye(3), atol=1e-3) and np.linalg.det(turn) > 0
    return () if is_frame else ("cartesian_position_motion_generator_invalid_frame",)


def motion_errors(new: Setpoint, last: Setpoint, generator: int, robot: RobotKind, first: bool) -> tuple[str, ...]:
    """Which limits the step from `last` to `new` breaks."""
    if first and generator == JOINT_POSITION and np.abs(new.joint_pos - last.joint_pos).max() > START_TOLERANCE:
        return ("joint_position_motion_generator_start_pose_invalid",)
    low, high, velocity, acceleration, acceleration_step = _limits(robot)
    if (new.joint_pos < low).any() or (new.joint_pos > high).any():
        return ("joint_position_limits_violation",)
    kind = "joint_motion_generator" if generator in (JOINT_POSITION, JOINT_VELOCITY) else "cartesian_motion_generator_joint"
    if (np.abs(new.joint_vel) > velocity).any():
        return (f"{kind}_velocity_limits_violation",)
    if (np.abs(new.joint_acc) > acceleration).any():
        return (f"{kind}_velocity_discontinuity",)
    if (np.abs(new.joint_acc - last.joint_acc) > acceleration_step).any():
        return (f"{kind}_acceleration_discontinuity",)
    return ()


def torque_errors(new: Matrix, last: Matrix, joint_pos: Matrix, joint_vel: Matrix, robot: RobotKind) -> tuple[str, ...]:
    """Which limits a torque command (7,) Nm breaks, or the arm where it has got to by the ones before."""
    low, high, velocity, _, _ = _limits(robot)
    if not robot.cuts_torque and (np.abs(new) > _TORQUE).any():
        return ("tau_J_range_violation",)
    if np.abs(new - last).max() > TOLERANCE * robot.torque_rate * TICK:
        return ("controller_torque_discontinuity",)
    if (joint_pos < low).any() or (joint_pos > high).any():
        return ("joint_position_limits_violation",)
    if (np.abs(joint_vel) > velocity).any():
        return ("joint_velocity_violation",)
    return ()

"""What may reach the arm: each action is clamped to a box, a jump, a speed and joint margins, and all that was changed is told."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from envs.geometry import matrix_from_rot6d, rot6d_from_matrix, rotation_matrix, rotation_vector
from envs.ik import IK
from envs.motion import MOTIONS, Motion
from envs.spaces import WORKSPACE_HIGH, WORKSPACE_LOW, checked_action
from envs.types import ACTION_EE_POS, ACTION_GRIPPER, ACTION_ROT6D, CONTROL_HZ
from sim2real.arm import Collision
from sim2real.twin.robots import RobotKind

Vector = NDArray[np.float64]

IN_THE_BOX = 1e-3  # m by which the hand's own path may leave the box between two targets in it


@dataclass(frozen=True)
class SafetyLimits:
    """Bounds on what reaches the arm, and how long it may go on without news.

    `workspace_low`, `workspace_high`: (3,) m, base frame, for the point between the fingertips. `joint_margin`: rad from each
    joint's end. `jump`: m, and `turn`: rad, by which an action may be ahead of the arm (the expert and the shipped policy
    stay below 0.05 m and 0.01 rad on sort_toys). `speed`: m/s of the hand; the joints' own is the motion's (`envs.motion`).
    `frame_*`, `action_*`, `dead_man_*`: s without a new picture, action, sign of the operator, after which the arm holds
    still, and after which it is stopped. `skew_s`: between the three pictures of one observation. `home`: rad by which a
    joint may miss the start of a trial.
    """

    workspace_low: tuple[float, float, float] = tuple(map(float, WORKSPACE_LOW))  # type: ignore[assignment]
    workspace_high: tuple[float, float, float] = tuple(map(float, WORKSPACE_HIGH))  # type: ignore[assignment]
    joint_margin: float = 0.1
    jump: float = 0.10
    turn: float = 0.5
    speed: float = 1.0
    frame_hold_s: float = 0.25
    frame_stop_s: float = 1.5
    action_hold_s: float = 0.25
    action_stop_s: float = 10.0
    dead_man_hold_s: float = 0.3
    dead_man_stop_s: float = 10.0
    skew_s: float = 0.05
    home: float = 0.02
    collision: Collision = field(default_factory=Collision)


@dataclass(frozen=True)
class Sent:
    """What became of an action: `asked` as it came, `clamped` to the limits, `sent` as the arm was told, all (10,) float32.

    `joint_pos`: (7,) rad, the command itself. `why`: which limits changed something.
    """

    asked: NDArray[np.float32]
    clamped: NDArray[np.float32]
    sent: NDArray[np.float32]
    joint_pos: Vector
    why: tuple[str, ...] = ()


class Guard:
    """Turns actions into joint commands within the limits; the simulation's own inverse kinematics."""

    def __init__(self, limits: SafetyLimits, kind: RobotKind, motion: Motion = MOTIONS["smooth"]):
        self.limits, self.motion = limits, motion
        self.ik = IK()
        model = self.ik.model
        ranges = np.array([model.joint(f"joint{i}").range for i in range(1, 8)]).T
        self.low = np.maximum(ranges[0], kind.low) + limits.joint_margin
        self.high = np.minimum(ranges[1], kind.high) - limits.joint_margin
        self._box = np.array(limits.workspace_low), np.array(limits.workspace_high)

    def command(self, command: Vector, action: NDArray[np.floating]) -> Sent:
        """What the arm, last told `command` (7,) rad, is told next for `action` (10,).

        Raises:
            ValueError: the action has a wrong shape or dtype, is not finite or names no rotation; nothing may be sent.
        """
        target = checked_action(action)
        why = []
        at, turned = self.ik.pose(command)
        pos, mat = target[ACTION_EE_POS].astype(float), matrix_from_rot6d(target[ACTION_ROT6D])
        inside = np.clip(pos, *self._box)
        if not np.array_equal(inside, np.asarray(action, float)[ACTION_EE_POS].astype(np.float32).astype(float)):
            why.append("workspace")
        near = _within(at, inside, self.limits.jump)
        if near is not inside:
            why.append("jump")
        turn = _turned_within(turned, mat, self.limits.turn)
        if turn is not mat:
            why.append("turn")
        clamped = np.r_[near, rot6d_from_matrix(turn), target[ACTION_GRIPPER]].astype(np.float32)
        joint_pos, limited = self._step(command, at, near, turn)
        sent_pos, sent_mat = self.ik.pose(joint_pos)
        sent = np.r_[sent_pos, rot6d_from_matrix(sent_mat), target[ACTION_GRIPPER]].astype(np.float32)
        return Sent(np.asarray(action, np.float32), clamped, sent, joint_pos, (*why, *limited))

    def _step(self, command: Vector, at: Vector, pos: Vector, mat: Vector) -> tuple[Vector, list[str]]:
        """The next command towards a pose, not faster than allowed, within the joints' margins and the box."""
        why = []
        target = self.ik.step(command, pos, mat, self.motion.max_step)
        bounded = np.clip(target, np.minimum(self.low, command), np.maximum(self.high, command))
        if not np.array_equal(bounded, target):
            why.append("joint margin")
        moved = float(np.linalg.norm(self.ik.pose(bounded)[0] - at)) * CONTROL_HZ
        if moved > self.limits.speed:
            bounded = command + (bounded - command) * (self.limits.speed / moved)
            why.append("speed")
        if not self._stays_inside(at, self.ik.pose(bounded)[0]):
            return command.copy(), [*why, "hand leaves the workspace"]
        assert np.all(np.abs(bounded - command) <= np.array(self.motion.max_step) + 1e-9)
        return bounded, why

    def _stays_inside(self, at: Vector, to: Vector) -> bool:
        """Whether the hand ends in the box, or no farther outside of it than it is."""
        low, high = self._box
        outside = np.maximum(low - to, to - high)
        before = np.maximum(low - at, at - high)
        return bool(np.all(outside <= np.maximum(before, IN_THE_BOX)))


def _within(at: Vector, pos: Vector, most: float) -> Vector:
    """`pos`, or the point on the way to it that is `most` m from `at`."""
    gap = float(np.linalg.norm(pos - at))
    return pos if gap <= most else at + (pos - at) * (most / gap)


def _turned_within(at: Vector, mat: Vector, most: float) -> Vector:
    """`mat`, or the rotation on the shortest way to it that is `most` rad from `at`; both (3, 3)."""
    way = rotation_vector(mat @ at.T)
    angle = float(np.linalg.norm(way))
    return mat if angle <= most else rotation_matrix(way * (most / angle)) @ at

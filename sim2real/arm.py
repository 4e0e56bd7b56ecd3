"""What the environment needs of an arm: seven joints that follow targets with the simulation's stiffness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from envs.impedance import JOINT_DAMPING, JOINT_STIFFNESS
from envs.types import PUSH_FORCE, PUSH_TORQUE

Vector = NDArray[np.float64]

NO_TARGET: Vector = np.full(7, np.nan)


@dataclass(frozen=True)
class ArmState:
    """One moment: `joint_pos` (7,) rad, `joint_vel` (7,) rad/s, `torque_ext` (7,) Nm that contacts put on the joints.

    `torque`: (7,) Nm that the law has commanded, without gravity. `target`: (7,) rad that the law is told to push towards; nan
    where it is told nothing. `time_s`: the controller's own clock.
    """

    joint_pos: Vector
    joint_vel: Vector
    torque_ext: Vector
    torque: Vector
    target: Vector
    time_s: float


@dataclass(frozen=True)
class Collision:
    """From which push on the joints (Nm, each) and the hand (N; Nm for turns) the arm stops itself."""

    torque: float = PUSH_TORQUE
    force: float = PUSH_FORCE


def reachable(target: Vector, joint_pos: Vector, joint_vel: Vector, most: Vector) -> Vector:
    """The joints (7,) rad nearest to `target` towards which the law pushes with no more than `most` (7,) Nm.

    Once a control step is too seldom: with the wrist's targets cut off for 67 ms the arm swings so much that the expert never
    gets to grasp; cut off as the simulation's motors do it, the expert sorts all toys (sort_toys, trials 0 to 2).
    """
    push = np.clip(JOINT_STIFFNESS * (target - joint_pos) - JOINT_DAMPING * joint_vel, -most, most)
    return joint_pos + (push + JOINT_DAMPING * joint_vel) / JOINT_STIFFNESS


class Arm(Protocol):
    """An arm that is connected when it is made.

    Every method but `close` raises `ReflexError`, `OperatorStop` or `LinkLost` when the arm is not able to do it.
    """

    def state(self) -> ArmState:
        """Where it is now."""
        ...

    def move_to(self, joint_pos: Vector) -> None:
        """Go to these joints (7,) rad slowly, in a straight line of the joints, and stand still there; returns then."""
        ...

    def start(self, joint_pos: Vector) -> None:
        """Follow targets from now on, the first being `joint_pos` (7,) rad, near where it is."""
        ...

    def follow(self, joint_pos: Vector) -> None:
        """The next target (7,) rad; it is led to within a control step and lasts until the one after."""
        ...

    def lead(self, period_s: float) -> None:
        """Tell the controller where the way to the target is in the next `period_s`; for arms without a thread that does."""
        ...

    def stop(self) -> None:
        """Come to rest and follow nothing any more; nothing to do when it is stopped already."""
        ...

    def recover(self) -> None:
        """After a reflex, a stop or a lost link: be able to move again.

        Raises:
            OperatorStop: the robot's stop button is still pressed.
            LinkLost: the controller does not answer.
        """
        ...

    def close(self) -> None:
        """End the connection."""
        ...

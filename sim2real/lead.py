"""Leads an arm's controller from target to target, by the arm's own clock, as the simulation leads its own."""

from __future__ import annotations

import math

import numpy as np

from envs.impedance import MAX_TORQUE
from envs.motion import TICK, Motion
from envs.robot import TORQUE_LIMIT
from envs.types import CONTROL_HZ
from sim2real.arm import Vector, reachable

LAST_TORQUE: Vector = 0.97 * np.array(TORQUE_LIMIT)  # Nm, at the end of a period


class Lead:
    """Two targets and when the newer one came; what the controller is told between them is the motion's to say."""

    def __init__(self, motion: Motion):
        self.motion = motion

    def start(self, joint_pos: Vector) -> None:
        """Stay at these joints (7,) rad."""
        self._last = self._new = joint_pos
        self._since = -math.inf
        self._seen_s, self._vel, self._accel = math.inf, np.zeros(7), np.zeros(7)

    def follow(self, joint_pos: Vector, time_s: float) -> None:
        """Go to the next target (7,) rad within a control step from `time_s` on, from wherever the last one has led to."""
        self._last, self._new, self._since = self.target(time_s), joint_pos, time_s

    def aim(self, time_s: float, joint_pos: Vector, joint_vel: Vector, period_s: float, within: bool = True) -> Vector:
        """(7,) rad: what the controller is to be told for the next period, from the newest state (7,) rad, (7,) rad/s at `time_s`.

        The period starts a millisecond from now: the answer to the newest state is under way already. The controller is told what is
        right in its middle; `within`: or the nearest to that which asks no more of a motor than it has, now and, if the joints go on
        as they do, when the period is over: a joint that brakes is told the same for too long otherwise.
        """
        target = self.target(time_s + TICK + period_s / 2)
        if (since := float(np.round(time_s - self._seen_s, 6))) > 0:
            self._accel = (joint_vel - self._vel) / since
        self._seen_s, self._vel = time_s, joint_vel
        if not within:
            return target
        ends = TICK + period_s
        near = reachable(target, joint_pos, joint_vel, MAX_TORQUE)
        return reachable(near, joint_pos + ends * (joint_vel + ends / 2 * self._accel), joint_vel + ends * self._accel, LAST_TORQUE)

    def target(self, time_s: float) -> Vector:
        """(7,) rad: what the controller is to be told at this moment.

        To a microsecond: the clock goes on from trial to trial, and a trial is not to depend on how its seconds are rounded.
        """
        return self.motion.target(self._last, self._new, float(np.round(time_s - self._since, 6)) * CONTROL_HZ)

"""Leads an arm's controller from target to target, by the arm's own clock, as the simulation leads its own."""

from __future__ import annotations

import math

import numpy as np

from envs.motion import Motion
from envs.types import CONTROL_HZ
from sim2real.arm import Vector


class Lead:
    """Two targets and when the newer one came; what the controller is told between them is the motion's to say."""

    def __init__(self, motion: Motion):
        self.motion = motion

    def start(self, joint_pos: Vector) -> None:
        """Stay at these joints (7,) rad."""
        self._last = self._new = joint_pos
        self._since = -math.inf

    def follow(self, joint_pos: Vector, time_s: float) -> None:
        """Go to the next target (7,) rad within a control step from `time_s` on, from wherever the last one has led to."""
        self._last, self._new, self._since = self.target(time_s), joint_pos, time_s

    def target(self, time_s: float) -> Vector:
        """(7,) rad: what the controller is to be told at this moment.

        To a microsecond: the clock goes on from trial to trial, and a trial is not to depend on how its seconds are rounded.
        """
        return self.motion.target(self._last, self._new, float(np.round(time_s - self._since, 6)) * CONTROL_HZ)

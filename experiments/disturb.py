"""Disturbs the expert's commands while it is recorded, so that the data show how to come back.

What is executed is the command plus a wandering offset, short kicks and brief gripper slips; what is recorded as the
label is the command. Close to things nothing is disturbed: with noise there, 70 of 250 episodes succeeded instead of
247 (research/policy_probe.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.skills.skill import Skill
from envs.types import ACTION_EE_POS, ACTION_GRIPPER
from envs.world import World

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Noise:
    """Sizes in metres, probabilities per control step.

    The offset u follows u' = keep u + drive N(0, 1): 8 mm in the long run with these values.
    """

    keep: float = 0.8
    drive: float = 0.005
    kick: float = 0.012
    kick_probability: float = 0.012
    kick_steps: int = 4
    slip_probability: float = 0.005
    slip_steps: int = 4
    near: float = 0.035  # horizontal distance to the toy or to where it goes below which nothing is disturbed
    low: float = 0.10  # ee height below which only `low_share` of the offset remains: the fingers are among the toys
    low_share: float = 0.2


class Disturbance:
    """The noise of one episode; it remembers the offset and what is going on."""

    def __init__(self, rng: np.random.Generator, noise: Noise | None = None):
        self.rng, self.noise = rng, noise or Noise()
        self._offset, self._kick = np.zeros(3), np.zeros(3)
        self._kick_left = self._slip_left = 0

    def __call__(self, action: NDArray[np.float32], world: World, skill: Skill | None) -> NDArray[np.float32]:
        """The action (10,) to execute instead."""
        n, rng = self.noise, self.rng
        self._offset = n.keep * self._offset + n.drive * rng.standard_normal(3)
        if self._kick_left == 0 and rng.random() < n.kick_probability:
            self._kick, self._kick_left = rng.uniform(-n.kick, n.kick, 3), n.kick_steps
        carrying = skill is not None and world.holding(skill.object)
        if self._slip_left == 0 and rng.random() < n.slip_probability:
            self._slip_left = n.slip_steps
        near, low = self._near(world, skill), world.ee_pos[2] < n.low
        offset = self._offset * (n.low_share if low else 1.0) + (self._kick if self._kick_left and not low else 0.0)
        out = action.copy()
        if not near:
            out[ACTION_EE_POS] += offset.astype(np.float32)
            if self._slip_left and not carrying:  # a toy that is dropped from a height may roll out of reach
                out[ACTION_GRIPPER] = 1 - out[ACTION_GRIPPER]
        self._kick_left, self._slip_left = max(0, self._kick_left - 1), max(0, self._slip_left - 1)
        return out

    def _near(self, world: World, skill: Skill | None) -> bool:
        if skill is None:
            return False
        delicate = getattr(skill, "delicate", None)  # a skill may know better when a hand must be steady
        if delicate is not None:
            return bool(delicate(world))
        goal = skill.target(world) if world.holding(skill.object) else world.grip(skill.object)
        return bool(np.linalg.norm((world.ee_pos - goal)[:2]) < self.noise.near)

"""Take an object from above, as it lies, and set it down at a point on a thing, or let it go in one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.predicates import Inside, On
from envs.shapes import XYZ
from envs.skills.skill import LIFT_SPEED, Target, Vector, down, towards, turned
from envs.skills.stack import take, yaw_of
from envs.world import World

CARRY_SPEED = 0.021  # m per control step: 0.32 m/s
LOWER_SPEED = 0.013  # setting down
OVER = 0.010  # m from the place, horizontally, within which the object is let down


@dataclass(frozen=True)
class Place:
    """Take an object and set it down on the goal (`within`: let it go in the goal, a container).

    `at`: m in the goal's frame, where the object's underside ends up; `carry`: m above the table, the object's underside
    on its way; `drop`: m, the gap under it when it is let go; `lift`: m per control step, slower for what may catch on what it
    is taken off: the arm's targets run ahead of it by as much, and it pulls by 3 N for each mm of that.
    """

    object: str
    goal: str
    at: XYZ = (0.0, 0.0, 0.0)
    within: bool = False
    carry: float = 0.09
    drop: float = 0.004
    lift: float = LIFT_SPEED

    @property
    def predicate(self) -> Inside | On:
        """What it achieves."""
        return Inside(self.object, self.goal) if self.within else On(self.object, self.goal)

    def reached(self, world: World) -> bool:
        """Whether nothing more is to be done: it is where it belongs and out of the hand, if perhaps still moving."""
        placed = world.inside if self.within else world.supported_by
        return placed(self.object, self.goal) and not world.holding(self.object)

    def target(self, world: World) -> Vector:
        """(3,) m, base frame: where the object's origin goes."""
        rest = np.array([0, 0, world.kind(self.object).rest_height])
        return world.pos(self.goal) + world.mat(self.goal) @ np.asarray(self.at) + rest

    def act(self, world: World) -> Target:
        return self._carry(world) if world.holding(self.object) else take(world, self.object)

    def _carry(self, world: World) -> Target:
        ee, obj, goal = world.ee_pos, world.pos(self.object), self.target(world)
        turning = turned(world.ee_mat, down(0.0))
        off = float(np.linalg.norm((obj - goal)[:2]))
        hand = goal - obj + ee  # where the hand is when the object is at its goal
        if off < OVER or (off < 2 * OVER and obj[2] < goal[2] + 2 * self.drop):
            if obj[2] < goal[2] + self.drop + 0.003:
                return Target(ee, 0.0, world.ee_mat)
            return Target(towards(ee, hand + [0, 0, self.drop], LOWER_SPEED), 1.0, turning)
        height = max(self.carry + world.kind(self.object).rest_height, goal[2] + self.drop)
        if obj[2] < height - 0.02:
            upright = down(yaw_of(world.ee_mat))  # a hand that stays as it leant would take the lean along
            return Target(towards(ee, ee + [0, 0, height + 0.01 - obj[2]], self.lift), 1.0, upright)
        return Target(towards(ee, np.r_[hand[:2], ee[2] + height - obj[2]], CARRY_SPEED), 1.0, turning)

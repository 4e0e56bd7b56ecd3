"""Take a plate by its rim, one finger inside and one outside, and lay it down on a thing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.predicates import On
from envs.skills.skill import ARRIVED, CAREFUL_SPEED, DOWN, LIFT_SPEED, OPEN, SPEED, Target, Vector, towards, turned
from envs.world import World

RIM = 0.0025  # m, from the edge to the middle of the rim's thickness
HOVER = 0.07  # m above the grasp: the fingers clear the rim
ALIGNED = 0.008  # m, of the hand over the rim
STEADY = 0.08  # m
OVER = 0.012  # m from its place, horizontally, within which the plate is let down


@dataclass(frozen=True)
class LayByRim:
    """Pinch the rim of `object` where it points to the left (+y), carry the plate at the height `carry` and lay it down.

    `at`: m in the goal's frame, where the plate's middle goes; `drop`: m above it, where the plate is let go of;
    `carry`: m, of the plate's underside on its way.
    """

    object: str
    goal: str
    at: tuple[float, float, float] = (0.0, 0.0, 0.0)
    drop: float = 0.004
    carry: float = 0.38

    @property
    def predicate(self) -> On:
        """What it achieves."""
        return On(self.object, self.goal, upright=True)

    def reached(self, world: World) -> bool:
        """Whether nothing more is to be done: it lies on the goal and is out of the hand."""
        return world.supported_by(self.object, self.goal) and not world.holding(self.object)

    def target(self, world: World) -> Vector:
        """(3,) m, base frame: where the plate's origin goes."""
        return world.pos(self.goal) + world.mat(self.goal) @ np.asarray(self.at)

    def grasp(self, world: World) -> Vector:
        """(3,) m, base frame: where the hand closes upon the rim."""
        kind = world.kind(self.object)
        return world.pos(self.object) + [0, kind.half_extents[0] - RIM, kind.grasp_height]

    def delicate(self, world: World) -> bool:
        """Whether the hand must be steady: at the rim, or where the plate is laid down."""
        if world.holding(self.object):
            return float(np.linalg.norm(world.pos(self.object) - self.target(world))) < STEADY
        return float(np.linalg.norm(world.ee_pos - self.grasp(world))) < STEADY

    def act(self, world: World) -> Target:
        return self._carry(world) if world.holding(self.object) else self._take(world)

    def _carry(self, world: World) -> Target:
        ee, plate, goal = world.ee_pos, world.pos(self.object), self.target(world)
        held = ee - plate
        way = goal - plate
        off = float(np.linalg.norm(way[:2]))
        if off < OVER or (off < 2 * OVER and way[2] > -4 * self.drop):
            if way[2] > -self.drop - 0.002:
                return Target(ee, 0.0)
            return Target(towards(ee, goal + held + [0, 0, self.drop], CAREFUL_SPEED), 1.0)
        if off > 0.10 and plate[2] < self.carry - 0.03:
            return Target(towards(ee, np.r_[ee[:2], self.carry + held[2]], LIFT_SPEED), 1.0)
        height = self.carry if off > 0.10 else goal[2] + self.drop + 0.8 * off
        return Target(towards(ee, np.r_[goal[:2], height] + held, SPEED), 1.0)

    def _take(self, world: World) -> Target:
        ee, grasp = world.ee_pos, self.grasp(world)
        hover = grasp[2] + HOVER
        off = float(np.linalg.norm((grasp - ee)[:2]))
        hand = turned(world.ee_mat, DOWN)
        if off < ALIGNED and ee[2] < grasp[2] + ARRIVED:
            return Target(grasp, 1.0, hand)
        if world.gripper_closed > OPEN:  # let go, rise
            return Target(towards(ee, np.r_[ee[:2], max(hover, ee[2] + 0.03)], LIFT_SPEED if world.gripper_closed < 0.5 else 0.012), 0.0)
        if off < ALIGNED + 0.12 * max(0.0, ee[2] - grasp[2] - 0.03):
            return Target(towards(ee, grasp, CAREFUL_SPEED), 0.0, hand)
        if off > 0.03 and ee[2] < hover - 0.02:
            return Target(towards(ee, np.r_[ee[:2], hover + 0.01], LIFT_SPEED), 0.0, hand)
        return Target(towards(ee, np.r_[grasp[:2], hover], SPEED), 0.0, hand)

"""Take an object from above and let it down into a container."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.predicates import Inside
from envs.skills.skill import ARRIVED, CAREFUL_SPEED, LIFT_SPEED, OPEN, SPEED, Target, Vector, towards
from envs.world import World

HOVER = 0.09  # m above the grasp, where the fingers clear every toy
TRANSIT = 0.155  # ee height that carries an object over the rims
RELEASE = 0.125  # ee height that lets go: the object's underside is near the rim
SLOT = 0.042  # m along x from the container's centre: the first object goes to the far half, the second to the near one
ALIGNED = 0.008  # m


@dataclass(frozen=True)
class PutInside:
    """What every skill achieves that lets an object down into something."""

    object: str
    goal: str

    @property
    def predicate(self) -> Inside:
        """What it achieves."""
        return Inside(self.object, self.goal)

    def reached(self, world: World) -> bool:
        """Whether nothing more is to be done: it is within the walls, if perhaps still falling."""
        return world.inside(self.object, self.goal) and not world.holding(self.object)


@dataclass(frozen=True)
class PickPlace(PutInside):
    """Take an object and let it down into a container."""

    def act(self, world: World) -> Target:
        return self._carry(world) if world.holding(self.object) else self._take(world)

    def place_pos(self, world: World, inside: int) -> Vector:
        """(3,) m, base frame: where the object goes when `inside` others are there already."""
        return world.pos(self.goal) + [SLOT if inside == 0 else -SLOT, 0, 0]

    def target(self, world: World) -> Vector:
        """`place_pos` in the present state."""
        others = sum(world.inside(r, self.goal) for r in world.roles if r != self.object)
        return self.place_pos(world, others)

    def _carry(self, world: World) -> Target:
        ee, goal = world.ee_pos, self.target(world)
        off = np.linalg.norm((ee - goal)[:2])
        if off < 0.015:
            down = np.r_[goal[:2], RELEASE]
            return Target(towards(ee, down, CAREFUL_SPEED), float(ee[2] > RELEASE + 0.012))
        if ee[2] < TRANSIT - 0.03 and off > 0.05:
            return Target(towards(ee, np.r_[ee[:2], TRANSIT + 0.01], LIFT_SPEED), 1.0)
        return Target(towards(ee, np.r_[goal[:2], RELEASE if off < 0.03 else TRANSIT], SPEED), 1.0)

    def _take(self, world: World) -> Target:
        ee, obj = world.ee_pos, world.pos(self.object)
        kind = world.kind(self.object)
        grasp = np.r_[obj[:2], obj[2] - kind.rest_height + kind.grasp_height]
        hover = grasp[2] + HOVER
        off = np.linalg.norm((obj - ee)[:2])
        if off < ALIGNED and ee[2] < grasp[2] + ARRIVED:
            return Target(grasp, 1.0)
        if world.gripper_closed > OPEN or _over_container(world, ee):  # let go, rise
            return Target(towards(ee, np.r_[ee[:2], max(hover, TRANSIT)], LIFT_SPEED if world.gripper_closed < 0.5 else 0.012), 0.0)
        if off < ALIGNED + 0.12 * max(0.0, ee[2] - grasp[2] - 0.03):
            return Target(towards(ee, grasp, CAREFUL_SPEED), 0.0)
        if off > 0.03 and ee[2] < hover - 0.03:
            return Target(towards(ee, np.r_[ee[:2], hover + 0.01], LIFT_SPEED), 0.0)
        return Target(towards(ee, np.r_[obj[:2], hover], SPEED), 0.0)


def _over_container(world: World, ee: Vector) -> bool:
    """Whether the fingers are low over a container, where moving sideways would hit its walls."""
    return ee[2] < TRANSIT - 0.02 and any(np.abs((ee - world.pos(c))[:2]).max() < 0.14 for c in world.containers)

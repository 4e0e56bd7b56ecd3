"""Skills: feedback laws from the world's state to the next action, without memory.

A skill without memory recovers from whatever happened (a push, a slip, a wrong grasp), and its command is a function
of the present state, which is what a policy can learn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.predicates import Inside
from envs.world import World

Vector = NDArray[np.float64]

SPEED = 0.026  # m per control step: 0.39 m/s, half of what the arm's joints allow here
CAREFUL_SPEED = 0.020  # descending onto an object
LIFT_SPEED = 0.022
HOVER = 0.09  # m above the grasp, where the fingers clear every toy
TRANSIT = 0.155  # ee height that carries an object over the rims
RELEASE = 0.125  # ee height that lets go: the object's underside is near the rim
SLOT = 0.042  # m along x from the container's centre: the first object goes to the far half, the second to the near one
HOME = np.array([0.47, 0.0, 0.24])
ALIGNED = 0.008  # m
OPEN = 0.12  # gripper_closed below this counts as open


@dataclass(frozen=True)
class PickPlace:
    """Take an object and let it down into a container."""

    object: str
    container: str

    @property
    def goal(self) -> Inside:
        return Inside(self.object, self.container)

    def reached(self, world: World) -> bool:
        """Whether nothing more is to be done: it is within the walls, if perhaps still falling."""
        return world.inside(self.object, self.container) and not world.holding(self.object)

    def act(self, world: World) -> tuple[Vector, float]:
        """Target ee_pos (3,) m and gripper_closed (0 or 1)."""
        return self._carry(world) if world.holding(self.object) else self._take(world)

    def place_pos(self, world: World, inside: int) -> Vector:
        """(3,) m, base frame: where the object goes when `inside` others are there already."""
        return world.pos(self.container) + [SLOT if inside == 0 else -SLOT, 0, 0]

    def target(self, world: World) -> Vector:
        """`place_pos` in the present state."""
        others = sum(world.inside(r, self.container) for r in world.roles if r != self.object)
        return self.place_pos(world, others)

    def _carry(self, world: World) -> tuple[Vector, float]:
        ee, goal = world.ee_pos, self.target(world)
        off = np.linalg.norm((ee - goal)[:2])
        if off < 0.015:
            down = np.r_[goal[:2], RELEASE]
            return _towards(ee, down, CAREFUL_SPEED), float(ee[2] > RELEASE + 0.012)
        if ee[2] < TRANSIT - 0.03 and off > 0.05:
            return _towards(ee, np.r_[ee[:2], TRANSIT + 0.01], LIFT_SPEED), 1.0
        return _towards(ee, np.r_[goal[:2], RELEASE if off < 0.03 else TRANSIT], SPEED), 1.0

    def _take(self, world: World) -> tuple[Vector, float]:
        ee, obj = world.ee_pos, world.pos(self.object)
        kind = world.kind(self.object)
        grasp = np.r_[obj[:2], obj[2] - kind.rest_height + kind.grasp_height]
        hover = grasp[2] + HOVER
        off = np.linalg.norm((obj - ee)[:2])
        if off < ALIGNED and ee[2] < grasp[2] + 0.008:
            return grasp, 1.0
        if world.gripper_closed > OPEN or _over_container(world, ee):  # let go, rise
            return _towards(ee, np.r_[ee[:2], max(hover, TRANSIT)], LIFT_SPEED if world.gripper_closed < 0.5 else 0.012), 0.0
        if off < ALIGNED + 0.12 * max(0.0, ee[2] - grasp[2] - 0.03):
            return _towards(ee, grasp, CAREFUL_SPEED), 0.0
        if off > 0.03 and ee[2] < hover - 0.03:
            return _towards(ee, np.r_[ee[:2], hover + 0.01], LIFT_SPEED), 0.0
        return _towards(ee, np.r_[obj[:2], hover], SPEED), 0.0


@dataclass(frozen=True)
class FirstUnmet:
    """Do the first of several things that is not yet done; what is in the hand comes first."""

    skills: tuple[PickPlace, ...]

    @property
    def goals(self) -> tuple[Inside, ...]:
        return tuple(s.goal for s in self.skills)

    def current(self, world: World) -> PickPlace | None:
        """What is to be done now, or None when all is done."""
        held = next((s for s in self.skills if world.holding(s.object)), None)
        return held or next((s for s in self.skills if not s.reached(world)), None)


def go_home(world: World) -> tuple[Vector, float]:
    """Rise, open, return to where a trial starts."""
    ee = world.ee_pos
    return _towards(ee, HOME if ee[2] > TRANSIT else np.r_[ee[:2], TRANSIT + 0.03], SPEED), 0.0


def _over_container(world: World, ee: Vector) -> bool:
    """Whether the fingers are low over a container, where moving sideways would hit its walls."""
    return ee[2] < TRANSIT - 0.02 and any(np.abs((ee - world.pos(c))[:2]).max() < 0.14 for c in world.containers)


def _towards(start: Vector, goal: Vector, speed: float) -> Vector:
    """The next target on the straight line to `goal`: at most `speed` m ahead, slowing down near the end."""
    way = goal - start
    length = float(np.linalg.norm(way))
    if length < 0.004:
        return goal.copy()
    return start + way / length * min(length, max(0.004, min(speed, 0.45 * length)))

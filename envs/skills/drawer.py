"""A drawer: pulled open by its handle, filled, pushed shut. Its front is the fixture's +x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from envs.predicates import AllOf, Closed, Inside, Opened
from envs.skills.pick_place import PutInside
from envs.skills.skill import ARRIVED, CAREFUL_SPEED, LIFT_SPEED, OPEN, SPEED, Target, Vector, down, towards, turned
from envs.skills.stack import LEVEL, TABLE, PlaceOn, angle_between, take, yaw_of
from envs.types import Predicate
from envs.world import World

GRIP_UP = 0.008  # m above the handle's middle at which the fingers close; they reach further down on closing
PULL_SPEED = 0.010  # m per control step
WIDE, SHUT = 0.9, 0.02  # shares of the travel at which pulling and pushing end
ENOUGH, BEFORE = 0.7, 0.36  # share of the travel at which a toy still fits in; m before the chest's middle, free table
FINGER = 0.03  # m before the handle's middle at which the closed fingers are sure to be in front of it
OVER = 0.130  # m, height of a carried toy's underside, over the drawer's front
OVER_EE = 0.165  # m, ee height at which the closed fingers pass over it
RELEASE = 0.125  # m, ee height at which the toy is let go: its underside near the drawer's rim


def out(world: World, fixture: str) -> Vector:
    """(3,) unit vector, base frame: the way a drawer opens."""
    return world.mat(fixture)[:, 0]


@dataclass(frozen=True)
class PullOpen:
    """Turn the hand across the handle, grip it, pull the drawer out, let go."""

    object: str

    @property
    def goal(self) -> str:
        return self.object

    @property
    def predicate(self) -> Opened:
        """What it achieves."""
        return Opened(self.object, f"{self.object}_slide")

    def reached(self, world: World) -> bool:
        """Whether nothing more is to be done: it is open, if perhaps still touched."""
        return world.travel(f"{self.object}_slide") >= self.predicate.least and not world.holding(self.object)

    def target(self, world: World) -> Vector:
        """(3,) m, base frame: where the handle goes."""
        left = WIDE - world.travel(f"{self.object}_slide")
        return world.grip(self.object) + out(world, self.object) * left * _length(world, self.object)

    def grasp(self, world: World) -> Vector:
        """(3,) m, base frame: where the hand closes upon the handle."""
        return world.grip(self.object) + [0, 0, GRIP_UP]

    def act(self, world: World) -> Target:
        ee, way, grasp = world.ee_pos, out(world, self.object), self.grasp(world)
        mat = down(yaw_of(world.mat(self.object)) + np.pi)  # the camera on the chest's side, looking at the handle
        turning = turned(world.ee_mat, mat)
        level = angle_between(world.ee_mat, mat) < LEVEL
        off = float(np.linalg.norm((grasp - ee)[:2]))
        if world.travel(f"{self.object}_slide") >= WIDE:
            return Target(ee, 0.0, world.ee_mat)
        if world.holding(self.object) and off < 0.03:
            across = (grasp - ee) - (grasp - ee) @ way * way
            return Target(ee + way * PULL_SPEED + 0.3 * across, 1.0, turning)
        if off < ARRIVED and abs(ee[2] - grasp[2]) < ARRIVED and level:
            return Target(grasp, 1.0, turning)
        if world.gripper_closed > OPEN:
            return Target(ee, 0.0, world.ee_mat)
        if level and off < 0.008 + 0.3 * max(0.0, ee[2] - OVER_EE + 0.015):
            return Target(towards(ee, grasp, CAREFUL_SPEED), 0.0, turning)
        return approach(ee, np.r_[grasp[:2], OVER_EE], level, turning, world.ee_mat, 0.0)


@dataclass(frozen=True)
class PushShut:
    """Push the drawer shut with closed fingers against its handle. `full`: of what; it then only counts with that inside."""

    object: str
    full: str = ""
    pushes: ClassVar[bool] = True

    @property
    def goal(self) -> str:
        return self.object

    @property
    def predicate(self) -> Predicate:
        """What it achieves."""
        shut = Closed(self.object, f"{self.object}_slide")
        return AllOf((Inside(self.full, self.object), shut)) if self.full else shut

    def reached(self, world: World) -> bool:
        """Whether nothing more is to be done."""
        return world.travel(f"{self.object}_slide") < SHUT

    def target(self, world: World) -> Vector:
        """(3,) m, base frame: where the handle goes."""
        shut = world.travel(f"{self.object}_slide") * _length(world, self.object)
        return world.grip(self.object) - out(world, self.object) * shut

    def grasp(self, world: World) -> Vector:
        """(3,) m, base frame: where the closed fingers push."""
        return world.grip(self.object) + [0, 0, 2 * GRIP_UP]

    def act(self, world: World) -> Target:
        ee, way = world.ee_pos, out(world, self.object)
        push = self.grasp(world)
        turning = turned(world.ee_mat, down(0.0))
        level = angle_between(world.ee_mat, down(0.0)) < LEVEL
        before = float((ee - push) @ way)
        across = (push - ee) - (push - ee) @ way * way
        aside = float(np.linalg.norm(across))
        if level and before > 0 and aside < 0.02:
            return Target(ee - way * PULL_SPEED * (aside < 0.01) + 0.5 * across, 1.0, turning)
        start = push + way * 2.5 * FINGER
        off = float(np.linalg.norm((start - ee)[:2]))
        if level and world.gripper_closed > 0.8 and off < 0.02 + 0.2 * max(0.0, ee[2] - start[2] - 0.03):
            return Target(towards(ee, start, CAREFUL_SPEED), 1.0, turning)
        above = ee[2] > OVER_EE - 0.012
        return approach(ee, np.r_[start[:2], OVER_EE], level, turning, world.ee_mat, float(above or before > FINGER))


@dataclass(frozen=True)
class IntoDrawer(PutInside):
    """Take a toy and let it down into the open drawer."""

    def target(self, world: World) -> Vector:
        """(3,) m, base frame: the middle of what is open of the drawer."""
        room, chest = world.kind(self.goal).interior, world.kind(self.goal).half_extents
        assert room is not None
        front = room.centre[0] + room.half_x + world.travel(f"{self.goal}_slide") * _length(world, self.goal)
        middle = np.array([(front + chest[0]) / 2, 0, room.floor])
        return world.pos(self.goal) + world.mat(self.goal) @ middle

    def act(self, world: World) -> Target:
        shut = world.travel(f"{self.goal}_slide") < ENOUGH
        if not world.holding(self.object):
            return PullOpen(self.goal).act(world) if shut or world.holding(self.goal) else take(world, self.object)
        if shut:  # it was pushed: the toy goes down before the drawer while that is opened again
            before = world.pos(self.goal) + BEFORE * out(world, self.goal)
            return PlaceOn(self.object, TABLE, (float(before[0]), float(before[1]))).act(world)
        ee, obj, goal = world.ee_pos, world.pos(self.object), self.target(world)
        turning = turned(world.ee_mat, down(0.0))
        hand = goal - obj + ee
        off = float(np.linalg.norm((obj - goal)[:2]))
        if off < 0.012:
            let_go = ee[2] < RELEASE + 0.006
            return Target(ee if let_go else towards(ee, np.r_[hand[:2], RELEASE], CAREFUL_SPEED), float(not let_go), turning)
        carry = OVER + world.kind(self.object).grasp_height
        if ee[2] < carry - 0.015 and off > 0.02:
            return Target(towards(ee, np.r_[ee[:2], carry + 0.01], LIFT_SPEED), 1.0)
        return Target(towards(ee, np.r_[hand[:2], carry], SPEED), 1.0, turning)


def approach(ee: Vector, hover: Vector, level: bool, turning: Vector, mat: Vector, closed: float) -> Target:
    """Rise where the hand stands, turn on the way, to `hover`."""
    far = np.linalg.norm((hover - ee)[:2]) > 0.02 or not level
    if far and ee[2] < hover[2] - 0.012:
        return Target(towards(ee, np.r_[ee[:2], hover[2] + 0.01], LIFT_SPEED), closed, mat)
    return Target(towards(ee, hover, SPEED), closed, turning)


def _length(world: World, fixture: str) -> float:
    """m: the drawer's whole travel."""
    low, high = world.model.joint(f"{fixture}_slide").range
    return float(high - low)

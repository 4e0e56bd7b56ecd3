"""Take a mug by its wall, opposite the handle, lean it over and hang it on a hook by its handle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.geometry import rotation_vector
from envs.objects.kind import Handle
from envs.predicates import Hung
from envs.skills.skill import CAREFUL_SPEED, LIFT_SPEED, SPEED, Target, Vector, towards, turned
from envs.world import World

GAP = 0.66  # gripper_closed with 28 mm between the pads: a mug's wall passes, and the inner finger fits beside it
SHUT = 0.92  # gripper_closed above this: the fingers are closed on a wall
DEPTH = 0.004  # m below the rim, of the ee when the fingers close (they reach on by 1 cm in all)
HOVER = 0.07  # m above the grasp: the fingers clear the rim
ALIGNED, TURNED = 0.006, 0.06  # m, rad
CARRY = 0.30  # m, ee height that carries a mug over the table
SLANT = 0.05  # m ahead while it is lifted so high
BEFORE = 0.030  # m before the hook's tip, where the handle is brought in line
LEAN_WITHIN = 0.12  # m from there: the mug is carried upright and leant over at the end of the way
THREADED = 0.006  # m from the hook's lowest point, along the hook
SEAT = 0.010  # m, how near to the handle's outer upper corner the hook's middle comes
STEADY = 0.16  # m from where it hangs: no tremor of the hand, the handle's opening is 3 cm wide
LET_GO = 0.085  # m from the rim, where the hand is out of the mug
CLEAR_UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Hang:
    """Hang a mug on a hook of a fixture.

    `lean`: rad, how far the handle is turned up before the hook goes through it. `side`: the handle points to the right of
    someone who looks from the hook's root to its tip (1), or to the left (-1). `back`: m, how far behind the hook the mug
    is carried along a row of hooks, before it comes forward to its own.
    """

    object: str
    goal: str
    lean: float = 0.58
    side: int = -1
    hook: int = 0
    back: float = 0.0

    @property
    def predicate(self) -> Hung:
        """What it achieves."""
        return Hung(self.object, self.goal)

    def reached(self, world: World) -> bool:
        """Whether it hangs and the hand is out of it."""
        return self.predicate(world) and not self._in_reach(world)

    def target(self, world: World) -> Vector:
        """(3,) m, base frame: where the mug's origin is as it is let go."""
        handle = self._handle(world)
        seat = np.array([handle.wall + handle.depth - SEAT, 0, handle.high - SEAT])
        return self._line(world)[1] - self._leaning(world, self.lean) @ seat

    def grasp(self, world: World) -> Vector:
        """(3,) m, base frame: where the hand closes upon the mug's wall."""
        kind, handle = world.kind(self.object), self._handle(world)
        wall = np.array([-(handle.wall - handle.thick / 2), 0, kind.top - DEPTH])
        return world.pos(self.object) + world.mat(self.object) @ wall

    def delicate(self, world: World) -> bool:
        """Whether the hand must be steady: a finger in the mug, or the mug near the hook."""
        mug = world.pos(self.object)
        near = float(np.linalg.norm(mug - self.target(world))) < STEADY
        return near or (not world.holding(self.object) and float(np.linalg.norm((world.ee_pos - mug)[:2])) < 0.06)

    def act(self, world: World) -> Target:
        if self._gripped(world):
            return self._carry(world)
        if world.hooked(self.object, self.goal) or (self._in_reach(world) and world.upright(self.object) < 0.97):
            return self._withdraw(world)
        return self._take(world)

    def _line(self, world: World) -> Vector:
        """(3, 3) m, base frame: root, lowest point and tip of the hook."""
        hook = np.asarray(world.kind(self.goal).hooks[self.hook])
        return hook @ world.mat(self.goal).T + world.pos(self.goal)

    def _out(self, world: World) -> Vector:
        """(3,) the horizontal direction from the hook's root to its tip."""
        root, _, tip = self._line(world)
        way = (tip - root) * [1, 1, 0]
        return way / np.linalg.norm(way)

    def _leaning(self, world: World, lean: float) -> Vector:
        """(3, 3) mug_to_base while the hook goes through the handle."""
        along = self.side * self._out(world)
        handle = np.cos(lean) * np.cross(along, CLEAR_UP) + np.sin(lean) * CLEAR_UP
        return np.stack([handle, along, np.cross(handle, along)], 1)

    def _handle(self, world: World) -> Handle:
        handle = world.kind(self.object).handle
        if handle is None:
            raise ValueError(f"'{self.object}' has no handle to hang by")
        return handle

    def _carry(self, world: World) -> Target:
        """Lift, lean and turn the mug before the hook's tip; thread the hook; let the handle down on it; let go."""
        handle, mug, mat = self._handle(world), world.pos(self.object), self._leaning(world, self.lean)
        middle = np.array([handle.wall + handle.depth / 2, 0, (handle.low + handle.high) / 2])
        _, low, tip = self._line(world)
        out = self._out(world)
        end = float((tip - low) @ out)
        through = low + [0, 0, (tip - low)[2] / 2]  # where the middle of the opening goes: the tip passes below it
        now = mug + world.mat(self.object) @ middle - through
        along = float(now @ out)
        aside = float(np.linalg.norm(now - along * out))
        lean_error = float(np.linalg.norm(rotation_vector(mat @ world.mat(self.object).T)))
        if world.hooked(self.object, self.goal):
            if along > THREADED:
                return self._bring(world, through - mat @ middle, mat, CAREFUL_SPEED)
            goal = self.target(world)
            if mug[2] < goal[2] + 0.004 or world.touching(self.object, self.goal):
                return Target(world.ee_pos, GAP, world.ee_mat)
            return self._bring(world, goal, mat, 0.010)
        near = along < end + BEFORE - 0.008
        if lean_error < (2 if near else 1) * TURNED and aside < (0.012 if near else ALIGNED):
            return self._bring(world, through - mat @ middle, mat, CAREFUL_SPEED)
        if near and abs(along) < 0.15 and aside < 0.10:  # beside the hook: back out
            return self._bring(world, mug + 0.03 * out, world.mat(self.object), CAREFUL_SPEED)
        if aside > 0.10 and mug[2] < 0.12:  # still low: straight up first
            way = (through - mug)[:2]  # a lagging arm drifts back while it rises: lean to where it goes
            up = np.r_[world.ee_pos[:2] + SLANT * way / np.linalg.norm(way), CARRY]
            return Target(towards(world.ee_pos, up, LIFT_SPEED), 1.0, turned(world.ee_mat, self._grasp_mat(world)))
        ahead = (end + BEFORE) * out
        if max(abs(along - end - BEFORE), abs(now[2])) > 0.02:  # not before its hook yet
            ahead = ahead - self.back * np.cross(self.side * out, CLEAR_UP)
        goal = through + ahead - mat @ middle
        far = float(np.linalg.norm(mug - goal)) > LEAN_WITHIN
        return self._bring(world, goal, self._leaning(world, 0.0) if far else mat, SPEED)

    def _bring(self, world: World, pos: Vector, mat: Vector, speed: float) -> Target:
        """The hand's target that brings the mug, as it lies in the hand now, to `pos` and `mat`."""
        in_mug = world.mat(self.object).T
        hand_mat = mat @ in_mug @ world.ee_mat
        hand_pos = pos + mat @ in_mug @ (world.ee_pos - world.pos(self.object))
        return Target(towards(world.ee_pos, hand_pos, speed), 1.0, turned(world.ee_mat, hand_mat))

    def _take(self, world: World) -> Target:
        """Come down over the wall opposite the handle with the fingers a little open, and close."""
        ee, mat = world.ee_pos, self._grasp_mat(world)
        grasp = self.grasp(world)
        above = float(ee[2] - grasp[2])
        aside = float(np.linalg.norm((ee - grasp)[:2]))
        twist = float(np.linalg.norm(rotation_vector(mat @ world.ee_mat.T)))
        funnel = ALIGNED + 0.25 * max(0.0, above - 0.03)
        ready = abs(world.gripper_closed - GAP) < 0.08
        if aside < ALIGNED and above < 0.006 and twist < 2 * TURNED:
            return Target(grasp, 1.0, mat)
        if aside < funnel and twist < TURNED and ready:
            return Target(towards(ee, grasp, CAREFUL_SPEED), GAP, mat)
        if above < HOVER - 0.02 and (aside > funnel + 0.006 or twist > 3 * TURNED or not ready):
            return Target(towards(ee, np.r_[ee[:2], grasp[2] + HOVER], LIFT_SPEED), GAP, world.ee_mat)
        height = min(max(above, 0.0), HOVER) if aside < 0.05 else HOVER
        return Target(towards(ee, grasp + height * CLEAR_UP, SPEED), GAP, turned(world.ee_mat, mat))

    def _grasp_mat(self, world: World) -> Vector:
        """(3, 3) fingers down, opening along the handle's direction."""
        handle = world.mat(self.object)[:, 0] * [1, 1, 0]
        handle /= np.linalg.norm(handle)
        return np.stack([np.cross(handle, -CLEAR_UP), handle, -CLEAR_UP], 1)

    def _gripped(self, world: World) -> bool:
        """Whether the mug is in the hand; a finger may lose touch for a moment when the mug is knocked."""
        shut = world.gripper_closed > SHUT and not world.released(self.object) and self._in_reach(world)
        return shut or world.holding(self.object)

    def _in_reach(self, world: World) -> bool:
        """Whether the fingers are in the mug or beside its wall."""
        return float(np.linalg.norm(world.ee_pos - self.grasp(world))) < LET_GO

    def _withdraw(self, world: World) -> Target:
        """Straight back out of the mug, and wait there until it hangs still."""
        if not self._in_reach(world):
            return Target(world.ee_pos, GAP, world.ee_mat)
        ee, back = world.ee_pos, -world.ee_mat[:, 2]
        return Target(towards(ee, ee + 0.1 * back, CAREFUL_SPEED), GAP, world.ee_mat)

"""Take a thing out of a cabinet that is open at the front, the hand tilted, and lay it down before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.geometry import rotation_matrix, rotation_vector
from envs.predicates import On
from envs.skills.skill import CAREFUL_SPEED, LIFT_SPEED, OPEN, SPEED, Target, Vector, down, tilted, towards, turned
from envs.world import World

ALIGNED, AIMED = 0.010, 0.10  # m, of the hand beside its way in; rad
BACK_OFF, RAISED = 0.014, 0.004  # m, of the ee from the object's middle when the fingers close, which reach 1 cm further
BEFORE = 0.06  # m before the front, where the open hand may turn
HEIGHTS, TILTS = (0.16, 0.36), (np.radians(22), np.radians(37))  # m above the table, rad
LAY_TILT = np.radians(12)
ACROSS = 0.10  # rad, of the hand's turn from straight in: the wrist is wide, and passes between the side walls
RISE = 0.3  # slope of the way out
HOVER, CARRY = 0.09, 0.08  # m, above the object and above its place
UP = np.array([0.0, 0.0, 1.0])
OVER = 0.015  # m from its place, horizontally, within which the object is let down


@dataclass(frozen=True)
class TakeOut:
    """Take `object` out of `cabinet`, whose opening looks along -x of its frame, and lay it on the middle of `goal`.

    The hand reaches in tilted from pointing down towards pointing forward, the less the lower the object lies: where it
    would point along the forearm the wrist is singular.
    """

    object: str
    cabinet: str
    goal: str
    drop: float = 0.005

    @property
    def predicate(self) -> On:
        """What it achieves."""
        return On(self.object, self.goal)

    def reached(self, world: World) -> bool:
        """Whether nothing more is to be done."""
        return world.supported_by(self.object, self.goal) and not world.holding(self.object)

    def target(self, world: World) -> Vector:
        """(3,) m, base frame: where the object's origin comes to lie."""
        return world.pos(self.goal) + [0, 0, world.kind(self.goal).half_extents[2] + world.kind(self.object).rest_height]

    def grasp(self, world: World) -> Vector:
        """(3,) m, base frame: where the hand closes upon the object."""
        return world.pos(self.object) - BACK_OFF * self._reaching(world)[:, 2] + [0, 0, RAISED]

    def delicate(self, world: World) -> bool:
        """Whether the hand must be steady: in the cabinet, at the object, where it is laid down."""
        if self._depth(world, world.ee_pos) > -BEFORE:
            return True
        spot = self.target(world) if world.holding(self.object) else world.pos(self.object)
        return float(np.linalg.norm(world.ee_pos - spot)) < HOVER

    def act(self, world: World) -> Target:
        return self._carry(world) if world.holding(self.object) else self._take(world)

    def _take(self, world: World) -> Target:
        ee, obj = world.ee_pos, world.pos(self.object)
        inside = self._depth(world, obj) > 0
        hand = self._reaching(world)
        approach, grasp = hand[:, 2], self.grasp(world)
        way = grasp - ee
        along = float(way @ approach)
        aside = float(np.linalg.norm(way - along * approach))
        aimed = _angle(world.ee_mat, hand) < AIMED
        if aimed and aside < ALIGNED and abs(along) < 0.008:
            return Target(grasp, 1.0, hand)
        if world.gripper_closed > OPEN:  # let go, draw back
            return Target(ee - approach * (LIFT_SPEED if world.gripper_closed < 0.5 else 0.012), 0.0, world.ee_mat)
        if aimed and along > 0 and aside < ALIGNED + 0.12 * max(0.0, along - 0.03):
            return Target(towards(ee, grasp, CAREFUL_SPEED), 0.0, hand)
        if self._depth(world, ee) > -0.5 * BEFORE:
            return Target(ee - self._inwards(world) * LIFT_SPEED, 0.0, world.ee_mat)
        back = (self._depth(world, grasp) + BEFORE) / np.sin(_tilt(obj)) if inside else HOVER
        return Target(towards(ee, grasp - back * approach, SPEED), 0.0, turned(world.ee_mat, hand))

    def _carry(self, world: World) -> Target:
        ee, obj, goal = world.ee_pos, world.pos(self.object), self.target(world)
        if self._depth(world, obj) > -BEFORE:
            up = 1.0 if world.touching(self.object, self.cabinet) else RISE
            way = up * UP - (up < 1) * self._inwards(world)
            return Target(ee + CAREFUL_SPEED * way, 1.0, world.ee_mat)
        hand = _steep(self._levelling(world) @ world.ee_mat)
        way, off = goal - obj, float(np.linalg.norm((goal - obj)[:2]))
        if off < OVER and _angle(world.ee_mat, hand) < AIMED:
            let_go = way[2] > -self.drop - 0.002 or self.goal in world.bearers(self.object)
            return Target(towards(ee, ee + way + [0, 0, self.drop], CAREFUL_SPEED), float(not let_go), hand)
        way[2] += CARRY if off > 0.03 else max(0.02, -way[2])
        return Target(towards(ee, ee + way, SPEED), 1.0, turned(world.ee_mat, hand))

    def _reaching(self, world: World) -> Vector:
        """(3, 3) the hand that takes the object where it is: in the cabinet or before it."""
        return self._hand(world) if self._depth(world, world.pos(self.object)) > 0 else down(_yaw(world.mat(self.object)))

    def _hand(self, world: World) -> Vector:
        """(3, 3) the hand that reaches in: tilted, across the object as far as the side walls allow."""
        inwards = _yaw(world.mat(self.cabinet))
        across = (_yaw(world.mat(self.object)) - inwards + np.pi / 2) % np.pi - np.pi / 2
        return tilted(_tilt(world.pos(self.object)), inwards + float(np.clip(across, -ACROSS, ACROSS)))

    def _levelling(self, world: World) -> Vector:
        """(3, 3) the turn after which the held object is upright: it was taken by a tilted hand, and may have slipped."""
        axis = np.cross(world.mat(self.object)[:, 2], UP)
        sine = float(np.linalg.norm(axis))
        return np.eye(3) if sine < 1e-6 else rotation_matrix(axis / sine * np.arctan2(sine, world.upright(self.object)))

    def _inwards(self, world: World) -> Vector:
        """(3,) the direction into the cabinet."""
        return world.mat(self.cabinet)[:, 0]

    def _depth(self, world: World, point: Vector) -> float:
        """m behind the cabinet's front."""
        return float(self._inwards(world) @ (point - world.pos(self.cabinet)))


def _tilt(point: Vector) -> float:
    """rad, of the hand that reaches for a point at this height."""
    return float(np.interp(point[2], HEIGHTS, TILTS))


def _steep(mat: Vector) -> Vector:
    """(3, 3) the hand, tilted by no more than it can be near the table."""
    tilt = float(np.arccos(np.clip(-mat[2, 2], -1, 1)))
    return mat if tilt <= LAY_TILT else tilted(LAY_TILT, _yaw(mat))


def _yaw(mat: Vector) -> float:
    """Where a body's x axis points over the table, rad."""
    return float(np.arctan2(mat[1, 0], mat[0, 0]))


def _angle(a: Vector, b: Vector) -> float:
    """Between two orientations, rad."""
    return float(np.linalg.norm(rotation_vector(a @ b.T)))

"""Take an object from above, fingers across it, and lay it down at a place, turned as wanted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.skills.skill import ARRIVED, CAREFUL_SPEED, LIFT_SPEED, OPEN, SPEED, Target, Vector, down, towards, turned
from envs.world import World

HOVER = 0.08  # m above the grasp, where the fingers clear what stands around
ALIGNED, NEAR = 0.008, 0.012  # m, of the hand over the object, and of the object over its place
AIMED = 0.08  # rad
LOW = 0.03  # m above its place, below which a thing that is let go of counts as put there


@dataclass(frozen=True)
class Lay:
    """Lay `object` down `at` (x, y) m from the origin of `goal`, or of the base when the goal is the table.

    Its x axis then points along `yaw` rad or straight back. `height`: m, of the place above the goal's origin;
    `drop`: m above it, where the object is let go of; `transit`: m, ee height that carries it over everything.
    """

    object: str
    goal: str
    at: tuple[float, float] = (0.0, 0.0)
    yaw: float = 0.0
    height: float = 0.0
    drop: float = 0.004
    transit: float = 0.17

    def target(self, world: World) -> Vector:
        """(3,) m, base frame: where the object's origin comes to lie."""
        base = np.zeros(3) if self.goal == "table" else world.pos(self.goal)
        return base + [*self.at, self.height + world.kind(self.object).rest_height]

    def reached(self, world: World) -> bool:
        """Whether nothing more is to be done: it is at its place, if perhaps still falling."""
        way = world.pos(self.object) - self.target(world)
        return bool(np.linalg.norm(way[:2]) < 2 * NEAR and way[2] < LOW and not world.holding(self.object))

    def act(self, world: World) -> Target:
        return self._carry(world) if world.holding(self.object) else self._take(world)

    def _carry(self, world: World) -> Target:
        ee, obj, goal = world.ee_pos, world.pos(self.object), self.target(world)
        mat = down(_yaw(world.ee_mat) + _half_turn(self.yaw - _heading(world.mat(self.object))))
        way = goal - obj
        off = float(np.linalg.norm(way[:2]))
        over = ee + [way[0], way[1], 0]
        if off < NEAR and _angle(world.ee_mat, mat) < AIMED:
            let_go = obj[2] < goal[2] + self.drop + 0.002
            return Target(towards(ee, ee + way + [0, 0, self.drop], CAREFUL_SPEED), float(not let_go), mat)
        if ee[2] < self.transit - 0.02 and off > 0.03:
            return Target(towards(ee, np.r_[ee[:2], self.transit + 0.01], LIFT_SPEED), 1.0, world.ee_mat)
        return Target(towards(ee, np.r_[over[:2], max(self.transit, ee[2]) if off > 0.05 else ee[2]], SPEED), 1.0, turned(world.ee_mat, mat))

    def _take(self, world: World) -> Target:
        ee, obj, kind = world.ee_pos, world.pos(self.object), world.kind(self.object)
        mat = down(_half_turn(_heading(world.mat(self.object))))
        turn = turned(world.ee_mat, mat)
        grasp = np.r_[obj[:2], obj[2] - kind.rest_height + kind.grasp_height]
        hover = max(grasp[2] + HOVER, self.transit if np.linalg.norm((obj - ee)[:2]) > 0.10 else 0.0)
        off = float(np.linalg.norm((obj - ee)[:2]))
        aimed = _angle(world.ee_mat, mat) < AIMED
        if off < ALIGNED and aimed and ee[2] < grasp[2] + ARRIVED:
            return Target(grasp, 1.0, mat)
        if world.gripper_closed > OPEN:  # let go, rise
            return Target(towards(ee, np.r_[ee[:2], ee[2] + HOVER], LIFT_SPEED if world.gripper_closed < 0.5 else 0.012), 0.0, world.ee_mat)
        if aimed and off < ALIGNED + 0.12 * max(0.0, ee[2] - grasp[2] - 0.03):
            return Target(towards(ee, grasp, CAREFUL_SPEED), 0.0, turn)
        if off > 0.03 and ee[2] < hover - 0.03:
            return Target(towards(ee, np.r_[ee[:2], hover + 0.01], LIFT_SPEED), 0.0, world.ee_mat)
        return Target(towards(ee, np.r_[obj[:2], hover], SPEED), 0.0, turn)


def _yaw(mat: Vector) -> float:
    """Of a hand that points down: the yaw that `down` would need, rad."""
    return float(np.arctan2(mat[1, 0], mat[0, 0]))


def _heading(mat: Vector) -> float:
    """Direction of a body's x axis over the table, rad."""
    return float(np.arctan2(mat[1, 0], mat[0, 0]))


def _half_turn(angle: float) -> float:
    """The same angle up to half turns, in [-pi/2, pi/2): the fingers are alike."""
    return float((angle + np.pi / 2) % np.pi - np.pi / 2)


def _angle(a: Vector, b: Vector) -> float:
    """Between two orientations, rad."""
    return float(np.arccos(np.clip((np.trace(a.T @ b) - 1) / 2, -1, 1)))

"""Take an object from above, as it lies, and set it down on, in or beside a thing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.geometry import rotation_vector
from envs.predicates import Inside, On
from envs.shapes import XYZ
from envs.skills.skill import CAREFUL_SPEED, DOWN, LIFT_SPEED, OPEN, SPEED, Target, Vector, down, towards, turned
from envs.world import World

HOVER = 0.09  # m above the grasp
TRAVEL = 0.155  # m, ee height above which the empty hand moves freely
ALIGNED, TURNED = 0.008, 0.08  # m, rad
OVER = 0.012  # m from the place, horizontally, within which the object is let down


@dataclass(frozen=True)
class Place:
    """Take an object and set it down on the goal (`within`: let it go in the goal, a container).

    `at`: m in the goal's frame, where the object's support ends up; `carry`: m above the table, the object's underside
    on its way; `drop`: m above its place at which it is let go. `symmetry`: rad, turns after which it is gripped alike.
    """

    object: str
    goal: str
    at: XYZ = (0.0, 0.0, 0.0)
    within: bool = False
    carry: float = 0.09
    drop: float = 0.005
    symmetry: float = np.pi

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
        return self._carry(world) if world.holding(self.object) else self._take(world)

    def _carry(self, world: World) -> Target:
        ee, obj, goal = world.ee_pos, world.pos(self.object), self.target(world)
        hand = turned(world.ee_mat, DOWN)
        height = self.carry + world.kind(self.object).rest_height
        off = float(np.linalg.norm((obj - goal)[:2]))
        held = ee - obj
        if off < OVER or (off < 2 * OVER and obj[2] < goal[2] + 2 * self.drop):
            if obj[2] < goal[2] + self.drop + 0.002:
                return Target(ee, 0.0, world.ee_mat)
            return Target(towards(ee, goal + held + [0, 0, self.drop], CAREFUL_SPEED), 1.0, hand)
        if obj[2] < height - 0.02:
            return Target(towards(ee, np.r_[ee[:2], height + 0.01 + held[2]], LIFT_SPEED), 1.0, world.ee_mat)
        return Target(towards(ee, np.r_[goal[:2], max(height, goal[2] + self.drop)] + held, SPEED), 1.0, hand)

    def _take(self, world: World) -> Target:
        ee, obj, kind = world.ee_pos, world.pos(self.object), world.kind(self.object)
        grasp = np.r_[obj[:2], obj[2] - kind.rest_height + kind.grasp_height]
        hand = down(self._yaw(world))
        askew = float(np.linalg.norm(rotation_vector(hand @ world.ee_mat.T)))
        hand = turned(world.ee_mat, hand)
        hover = grasp[2] + HOVER
        off = float(np.linalg.norm((obj - ee)[:2]))
        if off < ALIGNED and askew < 2 * TURNED and ee[2] < grasp[2] + 0.008:
            return Target(grasp, 1.0, hand)
        if world.gripper_closed > OPEN:  # let go, rise
            speed = LIFT_SPEED if world.gripper_closed < 0.5 else 0.012
            return Target(towards(ee, np.r_[ee[:2], max(hover, TRAVEL)], speed), 0.0, world.ee_mat)
        if askew < TURNED and off < ALIGNED + 0.12 * max(0.0, ee[2] - grasp[2] - 0.03):
            return Target(towards(ee, grasp, CAREFUL_SPEED), 0.0, hand)
        if off > 0.03 and ee[2] < hover - 0.03:
            return Target(towards(ee, np.r_[ee[:2], hover + 0.01], LIFT_SPEED), 0.0, world.ee_mat)
        return Target(towards(ee, np.r_[obj[:2], max(hover, TRAVEL) if off > 0.10 else hover], SPEED), 0.0, hand)

    def _yaw(self, world: World) -> float:
        """The hand's turn about the vertical that grips the object across, nearest to the hand's present one."""
        mat, ee = world.mat(self.object), world.ee_mat
        yaw, now = np.arctan2(mat[1, 0], mat[0, 0]), np.arctan2(ee[1, 0], ee[0, 0])
        return float(yaw - self.symmetry * np.round((yaw - now) / self.symmetry))

"""Take a mug that stands upside down from the side, roll the hand half a turn, and stand it on a thing the right way up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.geometry import rotation_matrix, rotation_vector
from envs.predicates import On
from envs.skills.skill import CAREFUL_SPEED, LIFT_SPEED, OPEN, SPEED, Target, Vector, towards, turned
from envs.world import World

UP = np.array([0.0, 0.0, 1.0])
GRASP = 0.045  # m above the board: the hand, 4 cm thick to each side, clears it
AHEAD = 0.135  # m before the grasp: the open fingers are clear of the mug
ALIGNED, TURNED = 0.008, 0.06  # m, rad
LIFTED = 0.012  # m
CLEAR = 0.065  # m between the mug's axis and the shelf's edge while it is turned
TRAVEL = 0.20  # m, ee height at which it is turned
PITCH = 0.12  # rad: the hand points a little down when the mug is let down, which keeps the wrist off the table
FACES = np.pi / 4  # the angle between the mug's flat faces
REACH = 0.115  # m: nearer to the mug than this, the fingers are beside it


@dataclass(frozen=True)
class TurnOver:
    """Turn a mug over and stand it on the goal.

    `source`: the fixture where it stands upside down. `at`: m in the goal's frame. `heading`, `heading_down`: rad about
    +z, where the hand points when it takes the mug and when it puts it down.
    """

    object: str
    goal: str
    source: str
    at: tuple[float, float] = (0.0, 0.0)
    heading: float = -1.42
    heading_down: float = -0.55

    @property
    def predicate(self) -> On:
        """What it achieves."""
        return On(self.object, self.goal, upright=True)

    def reached(self, world: World) -> bool:
        """Whether it stands there and the hand is away from it."""
        return self.predicate(world) and self._distance(world) > REACH

    def target(self, world: World) -> Vector:
        """(3,) m, base frame: where the mug's origin goes."""
        kind, goal = world.kind(self.object), world.kind(self.goal)
        return world.pos(self.goal) + world.mat(self.goal) @ np.array([*self.at, goal.half_extents[2]]) + kind.rest_height * UP

    def grasp(self, world: World) -> Vector:
        """(3,) m, base frame: where the hand closes upon the mug."""
        return world.pos(self.object) + [0, 0, GRASP - world.kind(self.object).top]

    def act(self, world: World) -> Target:
        if world.holding(self.object):
            return self._carry(world)
        if world.upright(self.object) > 0:
            return self._withdraw(world)
        return self._take(world)

    def _carry(self, world: World) -> Target:
        """Out of the shelf, half a turn on the way to the goal, down, let go."""
        ee, mug = world.ee_pos, world.pos(self.object)
        rolled = _rolled(world.ee_mat)
        if self._in_source(world) and rolled < 0.3:
            level = _hand(_heading(world.ee_mat), 0.0)
            if float(mug[2]) < self._stand(world) + LIFTED:
                return Target(towards(ee, ee + 0.03 * UP, LIFT_SPEED), 1.0, world.ee_mat)
            return Target(towards(ee, ee - 0.10 * level[:, 2], SPEED), 1.0, turned(world.ee_mat, level))
        goal = self.target(world)
        turn = min(np.pi, rolled + 0.5)
        down = np.pi - rolled < 0.2
        hand = _hand(self.heading_down, turn, PITCH if down else 0.0)
        askew = float(np.linalg.norm(rotation_vector(hand @ world.ee_mat.T)))
        above = goal + hand @ (world.ee_mat.T @ (ee - mug))
        aside = float(np.linalg.norm((mug - goal)[:2]))
        if down and askew < 3 * TURNED and aside < (0.03 if mug[2] < TRAVEL - 0.03 else 2 * ALIGNED):
            if world.touching(self.object, self.goal) or mug[2] < goal[2]:
                return Target(ee, 0.0, world.ee_mat)
            speed = CAREFUL_SPEED if mug[2] > goal[2] + 0.03 else 0.010
            return Target(towards(ee, above - 0.004 * UP, speed), 1.0, turned(world.ee_mat, hand))
        over = np.r_[above[:2], TRAVEL]
        if ee[2] < TRAVEL - 0.05 and aside > 0.05:  # up first
            over = np.r_[ee[:2], TRAVEL + 0.01]
        return Target(towards(ee, over, SPEED), 1.0, turned(world.ee_mat, hand))

    def _take(self, world: World) -> Target:
        """From before the shelf straight at the mug, with the fingers open."""
        ee = world.ee_pos
        hand = _hand(self._grip(world), 0.0)
        ahead = hand[:, 2]
        grasp = self.grasp(world)
        askew = float(np.linalg.norm(rotation_vector(hand @ world.ee_mat.T)))
        off = ee - grasp
        along = float(off @ ahead)
        aside = float(np.linalg.norm(off - along * ahead))
        if aside < 1.5 * ALIGNED and abs(along) < ALIGNED and askew < 2 * TURNED:
            return Target(grasp, 1.0, hand)
        if world.gripper_closed > OPEN and along > -AHEAD:
            return Target(ee if world.gripper_closed > 0.4 else towards(ee, ee - 0.1 * ahead, CAREFUL_SPEED), 0.0, world.ee_mat)
        if aside < ALIGNED + 0.15 * max(0.0, -along - 0.06) and askew < TURNED:
            return Target(towards(ee, grasp, CAREFUL_SPEED), 0.0, hand)
        if along > 0.01 - AHEAD and (aside > 0.025 or askew > 4 * TURNED):  # beside the mug: back out
            return Target(towards(ee, ee - 0.1 * ahead, SPEED), 0.0, world.ee_mat)
        away = np.clip(-along, 0.0, AHEAD) if aside < 0.05 else AHEAD
        return Target(towards(ee, grasp - away * ahead, SPEED), 0.0, turned(world.ee_mat, hand))

    def _withdraw(self, world: World) -> Target:
        """Straight back from the mug, then wait."""
        ee = world.ee_pos
        if self._distance(world) > REACH + 0.02:
            return Target(ee, 0.0, world.ee_mat)
        back = ee - 0.1 * world.ee_mat[:, 2] if world.released(self.object) else ee
        return Target(towards(ee, back, CAREFUL_SPEED), 0.0, world.ee_mat)

    def _grip(self, world: World) -> float:
        """rad about +z: the heading that meets two flat faces, the handle not between palm and mug."""
        handle = world.mat(self.object)[:, 0]
        yaw = float(np.arctan2(handle[1], handle[0]))
        options = yaw + FACES * np.array([-1, 0, 1])
        return float(options[np.argmin(np.abs(_wrapped(options - self.heading)))])

    def _stand(self, world: World) -> float:
        """m: height of the mug's origin while it stands in the source, upside down."""
        return self._board(world) + world.kind(self.object).top

    def _board(self, world: World) -> float:
        return next(o.height for o in world.layout.objects if o.role == self.object)

    def _in_source(self, world: World) -> bool:
        x, y, _ = world.mat(self.source).T @ (world.pos(self.object) - world.pos(self.source))
        half_x, half_y, _ = world.kind(self.source).half_extents
        return bool(abs(x) < half_x + CLEAR and abs(y) < half_y + CLEAR)

    def _distance(self, world: World) -> float:
        return float(np.linalg.norm(world.ee_pos - world.pos(self.object)))


def _hand(heading: float, rolled: float, pitch: float = 0.0) -> Vector:
    """(3, 3) the hand level (or `pitch` rad below it), pointing along `heading`, opening level, `rolled` from its start.

    At the start the camera looks from below; half a turn later, from above. The roll takes joint 7 down from 0.6 rad, so
    that it stays within its limits.
    """
    ahead = np.array([np.cos(pitch) * np.cos(heading), np.cos(pitch) * np.sin(heading), -np.sin(pitch)])
    opening = np.cross(UP, ahead)
    opening /= np.linalg.norm(opening)
    return rotation_matrix(-rolled * ahead) @ np.stack([np.cross(opening, ahead), opening, ahead], 1)


def _heading(mat: Vector) -> float:
    return float(np.arctan2(mat[1, 2], mat[0, 2]))


def _rolled(mat: Vector) -> float:
    """rad, -pi/2 to 3 pi/2: how far the hand is rolled from where it takes the mug."""
    ahead = mat[:, 2]
    start = _hand(_heading(mat), 0.0, float(np.arcsin(np.clip(-ahead[2], -1, 1))))
    turn = start.T @ mat
    angle = -float(np.arctan2(turn[1, 0], turn[0, 0]))
    return angle if angle > -np.pi / 2 else angle + 2 * np.pi


def _wrapped(angle: Vector) -> Vector:
    return (angle + np.pi) % (2 * np.pi) - np.pi

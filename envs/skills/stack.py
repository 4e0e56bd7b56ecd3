"""Take a thing from above and set it down upon another, or upon the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.predicates import On
from envs.skills.skill import ARRIVED, CAREFUL_SPEED, LIFT_SPEED, OPEN, SPEED, Target, Vector, down, towards, turned
from envs.world import World

TABLE = "table"
HOVER = 0.09  # m above the grasp, where the fingers clear what they take
TRANSIT = 0.155  # m, ee height at which the open hand passes over low things
CLEAR = 0.10  # m, height of a carried thing's underside above the table
FINGERTIP = 0.05  # m, of the ee above what the open fingers pass over: they reach 2 cm below it
FINGER_WAY, FINGER_HALF = 0.078, 0.013  # m, from the ee to the open fingers' outsides; half their width
NEAR = 0.12  # m around the hand in which its fingers may hit something
GRASPED, PLACED = 0.008, 0.004  # m, sideways, at the moment of closing and of letting go
LEVEL = 0.08  # rad, off the wanted orientation, with which the hand may go down


@dataclass(frozen=True)
class PlaceOn:
    """Take an object and set it down upon `goal`: a thing's name, or "table".

    `offset`: m, from the goal's origin in its frame; a point of the base frame for the table. `aligned`: turn it until
    its edges are parallel to the goal's. `drop`: m, the gap under it when it is let go.
    """

    object: str
    goal: str
    offset: tuple[float, float] = (0.0, 0.0)
    aligned: bool = False
    drop: float = 0.002

    @property
    def predicate(self) -> On:
        """What it achieves."""
        return On(self.object, self.goal)

    def reached(self, world: World) -> bool:
        """Whether nothing more is to be done: it rests there, if perhaps still moving a little."""
        return world.supported_by(self.object, self.goal) and not world.holding(self.object)

    def act(self, world: World) -> Target:
        return self._carry(world) if world.holding(self.object) else take(world, self.object)

    def target(self, world: World) -> Vector:
        """(3,) m, base frame: where the object's origin goes."""
        rest = world.kind(self.object).rest_height
        if self.goal == TABLE:
            return np.r_[self.offset, rest]
        return world.pos(self.goal) + world.mat(self.goal) @ [*self.offset, 0] + [0, 0, world.kind(self.goal).top + rest]

    def _carry(self, world: World) -> Target:
        ee, obj, goal = world.ee_pos, world.pos(self.object), self.target(world)
        mat = self._orientation(world)
        turning = turned(world.ee_mat, mat)
        level = angle_between(world.ee_mat, mat) < LEVEL
        above = obj[2] - goal[2]
        off = float(np.linalg.norm((obj - goal)[:2]))
        hand = goal - obj + ee  # where the hand is when the object is at its goal
        if level and off < PLACED + 0.1 * max(0.0, above - 0.02):
            let_go = off < 2 * PLACED and above < self.drop + 0.003
            return Target(ee if let_go else towards(ee, hand + [0, 0, self.drop], CAREFUL_SPEED), float(not let_go), turning)
        carry = max(CLEAR, goal[2] - world.kind(self.object).rest_height + 0.03) + world.kind(self.object).rest_height
        if obj[2] < carry - 0.03 and off > 0.03:
            return Target(towards(ee, ee + [0, 0, carry + 0.01 - obj[2]], LIFT_SPEED), 1.0)
        height = carry if off > 0.03 else max(goal[2] + 0.03, obj[2])
        return Target(towards(ee, np.r_[hand[:2], ee[2] + height - obj[2]], SPEED), 1.0, turning)

    def _orientation(self, world: World) -> Vector:
        """The hand's when the object is let go."""
        if not self.aligned or self.goal == TABLE:
            return down(0.0)
        return down(yaw_of(world.ee_mat) + folded(yaw_of(world.mat(self.goal)) - yaw_of(world.mat(self.object)), np.pi / 2))


def take(world: World, role: str) -> Target:
    """The next target of a hand that is to take a thing from above, across its narrower side."""
    ee, obj = world.ee_pos, world.pos(role)
    kind = world.kind(role)
    mat = down(grasp_yaw(world, role))
    turning = turned(world.ee_mat, mat)
    level = angle_between(world.ee_mat, mat) < LEVEL
    grasp = np.r_[obj[:2], obj[2] - kind.rest_height + kind.grasp_height]
    off = float(np.linalg.norm((obj - ee)[:2]))
    hover = grasp[2] + HOVER
    if off < GRASPED and ee[2] < grasp[2] + ARRIVED and level:
        return Target(grasp, 1.0, turning)
    if world.gripper_closed > OPEN:  # let go, then rise
        free = all(map(world.released, world.roles))
        return Target(towards(ee, np.r_[ee[:2], max(hover, TRANSIT)], LIFT_SPEED) if free else ee, 0.0, world.ee_mat)
    if level and off < GRASPED + 0.12 * max(0.0, ee[2] - grasp[2] - 0.03):
        return Target(towards(ee, grasp, CAREFUL_SPEED), 0.0, turning)
    pass_over = max(hover, _top_near(world, ee, role) + FINGERTIP)
    if (off > 0.03 or not level) and ee[2] < pass_over - 0.012:
        return Target(towards(ee, np.r_[ee[:2], pass_over + 0.01], LIFT_SPEED), 0.0, world.ee_mat)
    return Target(towards(ee, np.r_[obj[:2], pass_over if off > 0.03 else hover], SPEED), 0.0, turning)


def _top_near(world: World, ee: Vector, role: str) -> float:
    """m above the table: the highest point of the other objects around the hand."""
    others = (r for r in world.roles if r != role and np.linalg.norm((world.pos(r) - ee)[:2]) < NEAR)
    return max((float(world.pos(r)[2]) + world.kind(r).half_extents[2] for r in others), default=0.0)


def grasp_yaw(world: World, role: str) -> float:
    """rad: the hand's turn about +z with which its fingers close upon the narrower side, the nearest to straight ahead.

    Of a thing with two sides alike it is the one beside which the fingers find room.
    """
    half_x, half_y, _ = world.kind(role).half_extents
    yaw = yaw_of(world.mat(role))
    if abs(half_x - half_y) < 0.004:
        ahead = folded(yaw, np.pi / 2)
        return min((ahead, ahead - np.sign(ahead or 1) * np.pi / 2), key=lambda turn: _in_the_way(world, role, float(turn)))
    return folded(yaw if half_y < half_x else yaw + np.pi / 2, np.pi)


def _in_the_way(world: World, role: str, yaw: float) -> int:
    """How many other objects stand where the open fingers of a hand turned by `yaw` go down."""
    here, count = world.pos(role), 0
    for other in world.roles:
        half = world.kind(other).half_extents
        across, along, _ = down(yaw).T @ (world.pos(other) - here)
        clear = abs(across) > FINGER_HALF + max(half[:2]) or abs(along) > FINGER_WAY + max(half[:2])
        below = world.pos(other)[2] + half[2] < here[2] - world.kind(role).rest_height + 0.005
        count += other != role and not clear and not below
    return count


def yaw_of(mat: Vector) -> float:
    """rad: the turn about +z of a thing's x axis; of its y axis, less a quarter turn, where that lies flatter."""
    flat = np.linalg.norm(mat[:2, :2], axis=0)
    if flat[0] >= flat[1] - 0.1:
        return float(np.arctan2(mat[1, 0], mat[0, 0]))
    return float(np.arctan2(mat[1, 1], mat[0, 1]) - np.pi / 2)


def folded(angle: float, period: float) -> float:
    """The angle less whole periods, nearest to zero."""
    return (angle + period / 2) % period - period / 2


def angle_between(mat: Vector, other: Vector) -> float:
    """rad between two orientations."""
    return float(np.arccos(np.clip((np.trace(mat.T @ other) - 1) / 2, -1, 1)))

"""Between two things that are done in a row: draw back from what was let go of, and unwind the wrist."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from envs.geometry import rotation_vector
from envs.ik import IK
from envs.robot import HOME_QPOS
from envs.skills.skill import CAREFUL_SPEED, DOWN, LIFT_SPEED, Skill, Target, Vector, grasp_pos, towards
from envs.world import World

WOUND, ASKEW = 0.35, 1.0  # rad, of the hand from the vertical, and from how a trial starts
AWAY = 0.125  # m from an object's origin, beyond which the fingers are free of it
NEAR = 0.06  # m from the object
CLEAR = 0.26  # m, ee height above which the hand may swing
JOINT_STEP = 0.13  # rad ahead, of the joint that has the longest way


@dataclass(frozen=True)
class Withdrawn:
    """Does what `skill` does, once the empty hand has drawn back from other things.

    `unwind`: and the wrist is unwound, which the skill's hand that points down needs.
    """

    skill: Skill
    unwind: bool = True

    @property
    def object(self) -> str:
        return self.skill.object

    @property
    def goal(self) -> str:
        return self.skill.goal

    @property
    def predicate(self) -> Any:
        """What it achieves."""
        return self.skill.predicate  # type: ignore[attr-defined]

    def reached(self, world: World) -> bool:
        return self.skill.reached(world)

    def target(self, world: World) -> Vector:
        return self.skill.target(world)

    def grasp(self, world: World) -> Vector:
        """(3,) m, base frame: where the hand closes, as the skill has it."""
        return grasp_pos(self.skill, world)

    def delicate(self, world: World) -> bool:
        """Whether the hand must be steady: near other things, or where the skill says so."""
        own = getattr(self.skill, "delicate", None)
        return _among_others(world, self.object) or (bool(own(world)) if own else _distance(world, self.object) < NEAR)

    def act(self, world: World) -> Target:
        ee, mat = world.ee_pos, world.ee_mat
        if world.held() is not None:
            return self.skill.act(world)
        if _among_others(world, self.object):
            return Target(ee - CAREFUL_SPEED * mat[:, 2], 0.0, mat)
        if not self.unwind or not _wound(world) or _distance(world, self.object) < AWAY:
            return self.skill.act(world)
        if ee[2] < CLEAR - 0.05:
            return Target(towards(ee, np.r_[ee[:2], CLEAR], LIFT_SPEED), 0.0, mat)
        return _homeward(world)


def _among_others(world: World, role: str) -> bool:
    """Whether the fingers are at another object than `role`, and nearer to it."""
    return min((_distance(world, other) for other in world.roles if other != role), default=np.inf) < min(AWAY, _distance(world, role))


def _distance(world: World, role: str) -> float:
    return float(np.linalg.norm(world.pos(role) - world.ee_pos))


def _wound(world: World) -> bool:
    """Whether the hand is so turned that joints 5 and 7 may have gone the long way round to it.

    Turned straight from there until it points down, it would run into their limits.
    """
    return -world.ee_mat[2, 2] < np.cos(WOUND) or float(np.linalg.norm(rotation_vector(world.ee_mat @ DOWN.T))) > ASKEW


def _homeward(world: World) -> Target:
    """A pose on the way of all joints to where a trial starts."""
    way = HOME_QPOS - world.joint_pos
    pos, mat = _arm().pose(world.joint_pos + way * min(1.0, JOINT_STEP / float(np.abs(way).max())))
    return Target(pos, 0.0, mat)


@cache
def _arm() -> IK:
    return IK()

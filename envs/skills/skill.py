"""What a skill is, and the small motions that all of them are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from envs.geometry import rotation_matrix, rotation_vector
from envs.world import World

Vector = NDArray[np.float64]

# Fingers down, opening along y; rows of ee_to_base (see envs.robot, site `ee`).
DOWN: Vector = np.diag([1.0, -1.0, -1.0])
DOWN.setflags(write=False)
HOME = np.array([0.47, 0.0, 0.24])
HOME.setflags(write=False)

SPEED = 0.026  # m per control step: 0.39 m/s, half of what the arm's joints allow here
CAREFUL_SPEED = 0.020  # descending onto an object
LIFT_SPEED = 0.022
TURN_SPEED = 0.10  # rad per control step: 1.5 rad/s
OPEN = 0.12  # gripper_closed below this counts as open
# m from the grasp, where the fingers close. From 8 mm the hand is still on its way when they meet the thing: it presses it down, and
# where it cannot give way (a handle) the finger that comes first takes the whole grip: up to 60 N, with 5 mm less than 20 N.
ARRIVED = 0.005


class Target(NamedTuple):
    """Where the hand should be next: pos (3,) m and ee_to_base mat (3, 3); closed: 0 open - 1 closed."""

    pos: Vector
    closed: float
    mat: Vector = DOWN


class Skill(Protocol):
    """Achieves one thing; all that it knows is the world's present state.

    `object`: role of what is moved (of the fixture, for a door); `goal`: the thing where it goes. A skill may also have
    `delicate(world)`: whether the hand must be steady now, so that nobody disturbs it while demonstrations are recorded;
    `grasp(world)`: where the hand closes, if not as `grasp_pos` has it; `pushes`: True if it pushes with closed fingers.
    """

    @property
    def object(self) -> str: ...

    @property
    def goal(self) -> str: ...

    def reached(self, world: World) -> bool:
        """Whether nothing more is to be done."""
        ...

    def act(self, world: World) -> Target:
        """The next target of the hand."""
        ...

    def target(self, world: World) -> Vector:
        """(3,) m, base frame: where the object goes."""
        ...


@dataclass(frozen=True)
class FirstUnmet:
    """Do the first of several things that is not yet done; what is in the hand comes first."""

    skills: tuple[Skill, ...]

    def current(self, world: World) -> Skill | None:
        """What is to be done now, or None when all is done."""
        held = next((s for s in self.skills if world.holding(s.object) and not s.reached(world)), None)
        return held or next((s for s in self.skills if not s.reached(world)), None)

    def open(self, world: World) -> tuple[Skill, ...]:
        """Whichever may be done now."""
        return tuple(s for s in self.skills if not s.reached(world))


def grasp_pos(skill: Skill, world: World) -> Vector:
    """(3,) m, base frame: where the hand closes upon the skill's object: from above at its grasp height, or as the skill says."""
    own = getattr(skill, "grasp", None)
    if own is not None:
        return own(world)
    pos, kind = world.pos(skill.object), world.kind(skill.object)
    return np.r_[pos[:2], pos[2] - kind.rest_height + kind.grasp_height]


def words(skill: Skill, world: World) -> Mapping[str, str]:
    """What {object}, {goal} and {object_text} stand for in a reasoning phrase, and what the layout says."""
    said = world.words
    text = said.get(f"{skill.object}_text", "")
    return said | {"object": world.phrase(skill.object), "goal": world.phrase(skill.goal), "object_text": text}


def go_home(world: World, clear: float) -> Target:
    """Rise above `clear` (ee height, m), open, return to where a trial starts."""
    ee = world.ee_pos
    pos = towards(ee, HOME if ee[2] > clear else np.r_[ee[:2], clear + 0.03], SPEED)
    return Target(pos, 0.0, turned(world.ee_mat, DOWN))


def towards(start: Vector, goal: Vector, speed: float) -> Vector:
    """The next point on the straight line to `goal`: at most `speed` m ahead, slowing down near the end."""
    way = goal - start
    length = float(np.linalg.norm(way))
    if length < 0.004:
        return goal.copy()
    return start + way / length * min(length, max(0.004, min(speed, 0.45 * length)))


def turned(start: Vector, goal: Vector, speed: float = TURN_SPEED) -> Vector:
    """(3, 3) the next orientation on the shortest turn to `goal`: at most `speed` rad ahead."""
    turn = rotation_vector(goal @ start.T)
    angle = float(np.linalg.norm(turn))
    if angle < 0.02:
        return np.asarray(goal, float)
    return rotation_matrix(turn / angle * min(angle, max(0.02, min(speed, 0.6 * angle)))) @ start


def down(yaw: float) -> Vector:
    """(3, 3) fingers down, opening along y turned by `yaw` rad about +z."""
    c, s = np.cos(yaw), np.sin(yaw)
    about_z: Vector = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    return about_z @ DOWN


def tilted(tilt: float, yaw: float = 0.0) -> Vector:
    """(3, 3) `down(yaw)` with the approach raised by `tilt` rad towards the hand's front: pi/2 points straight ahead."""
    c, s = np.cos(tilt), np.sin(tilt)
    return down(yaw) @ np.array([[c, 0, s], [0, 1.0, 0], [-s, 0, c]])

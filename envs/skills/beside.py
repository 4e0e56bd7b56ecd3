"""Set an object down beside another: to the left or right of it, in front of it or behind it, as the robot sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.skills.place import Place
from envs.skills.skill import Vector
from envs.world import World

# Directions in the base frame: x leads away from the robot, y to its left.
RELATIONS = {"to the left of": (0, 1), "to the right of": (0, -1), "in front of": (-1, 0), "behind": (1, 0)}
NEAREST, FARTHEST = 0.04, 0.18  # m between the middles, along the direction
AT = (0.095, 0.118)  # m, where the expert puts it: along x; along y, in which its fingers open


def beside(pos: Vector, target: Vector, relation: str) -> bool:
    """Whether `pos` lies in that direction of `target`, within 45 degrees, near it but not upon it."""
    way, direction = (pos - target)[:2], np.array(RELATIONS[relation], float)
    along = float(way @ direction)
    across = float(np.linalg.norm(way - along * direction))
    return NEAREST <= along <= FARTHEST and across < along


@dataclass(frozen=True)
class Beside:
    """The object stands on the table in the trial's direction of the target, let go of."""

    object: str
    target: str
    choice: str = "relation"

    def __call__(self, world: World) -> bool:
        o = self.object
        relation = world.words[self.choice]
        stands = world.supported_by(o, "table") and world.at_rest(o) and world.released(o)
        return stands and beside(world.pos(o), world.pos(self.target), relation)

    def __str__(self) -> str:
        return f"{self.object} stands on the table where the instruction says, seen from {self.target}, let go of"


@dataclass(frozen=True)
class PlaceBeside(Place):
    """Take an object and set it down beside the goal, in the direction that the trial drew as `choice`."""

    choice: str = "relation"

    @property
    def predicate(self) -> Beside:  # type: ignore[override]
        """What it achieves."""
        return Beside(self.object, self.goal, self.choice)

    def reached(self, world: World) -> bool:
        o = self.object
        there = beside(world.pos(o), world.pos(self.goal), world.words[self.choice])
        return there and world.supported_by(o, "table") and not world.holding(o)

    def target(self, world: World) -> Vector:
        spot = place_beside(world.pos(self.goal), world.words[self.choice])
        return np.r_[spot, world.kind(self.object).rest_height]


def place_beside(target: Vector, relation: str) -> Vector:
    """(2,) m, base frame: the spot beside a thing at `target`."""
    return np.asarray(target)[:2] + np.multiply(RELATIONS[relation], AT)

"""Statements about the world that a simulator evaluates and an operator judges by eye."""

from __future__ import annotations

from dataclasses import dataclass

from envs.types import Predicate
from envs.world import World


@dataclass(frozen=True)
class Inside:
    """The object lies in the container, at rest and let go of."""

    object: str
    container: str

    def __call__(self, world: World) -> bool:
        return world.inside(self.object, self.container) and world.at_rest(self.object) and world.released(self.object)

    def __str__(self) -> str:
        return f"{self.object} lies in the {self.container}, let go of"


@dataclass(frozen=True)
class AtLeast:
    """So many of the statements hold, whichever."""

    count: int
    of: tuple[Predicate, ...]

    def __call__(self, world: World) -> bool:
        return sum(p(world) for p in self.of) >= self.count

    def __str__(self) -> str:
        return f"{self.count} of these hold: {'; '.join(map(str, self.of))}"

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
class On:
    """The object lies on the support and on nothing else, at rest and let go of; `upright`: and the right way up."""

    object: str
    support: str
    upright: bool = False

    def __call__(self, world: World) -> bool:
        o = self.object
        stands = not self.upright or world.upright(o) > UPRIGHT
        return stands and world.supported_by(o, self.support) and world.at_rest(o) and world.released(o)

    def __str__(self) -> str:
        return f"{self.object} {'stands' if self.upright else 'lies'} on the {self.support}, let go of"


UPRIGHT = 0.94  # cosine: 20 degrees


@dataclass(frozen=True)
class Hung:
    """A hook of the fixture passes through the object's handle and alone bears it, at rest and let go of."""

    object: str
    fixture: str

    def __call__(self, world: World) -> bool:
        o, f = self.object, self.fixture
        hangs = world.hooked(o, f) and world.neighbours(o) == {f} and world.supported_by(o, f)
        return hangs and world.at_rest(o) and world.balanced(o)

    def __str__(self) -> str:
        return f"{self.object} hangs by its handle on a hook of the {self.fixture}, let go of"


@dataclass(frozen=True)
class Flat:
    """The object lies flat, either way up; it does not lean on anything."""

    object: str

    def __call__(self, world: World) -> bool:
        return abs(world.upright(self.object)) > UPRIGHT

    def __str__(self) -> str:
        return f"{self.object} lies flat"


@dataclass(frozen=True)
class Opened:
    """The joint is open by at least this share of its travel, and the hand has let go of what it moves."""

    fixture: str
    joint: str
    least: float = 0.6

    def __call__(self, world: World) -> bool:
        return world.travel(self.joint) >= self.least and world.released(self.fixture)

    def __str__(self) -> str:
        return f"the {self.fixture} is open, let go of"


@dataclass(frozen=True)
class Closed:
    """The joint is closed but for this share of its travel."""

    fixture: str
    joint: str
    most: float = 0.05

    def __call__(self, world: World) -> bool:
        return world.travel(self.joint) <= self.most

    def __str__(self) -> str:
        return f"the {self.fixture} is closed"


@dataclass(frozen=True)
class TakenDown:
    """The cloth is off what it hung on and lies on the goal, low and over it with its middle, at rest and let go of."""

    object: str
    off: str
    goal: str

    def __call__(self, world: World) -> bool:
        o, kind = self.object, world.kind(self.goal)
        x, y, z = world.mat(self.goal).T @ (world.pos(o) - world.pos(self.goal))
        over = abs(x) < kind.half_extents[0] and abs(y) < kind.half_extents[1]
        lies = world.touching(o, self.goal) and not world.touching(o, self.off)
        return bool(over and z < kind.top + FLAT and lies and world.at_rest(o) and world.released(o))

    def __str__(self) -> str:
        return f"{self.object} is off the {self.off} and lies on the {self.goal}, let go of"


FLAT = 0.03  # m, that the middle of a cloth may lie above what it lies on


@dataclass(frozen=True)
class AllOf:
    """Every one of the statements holds."""

    of: tuple[Predicate, ...]

    def __call__(self, world: World) -> bool:
        return all(p(world) for p in self.of)

    def __str__(self) -> str:
        return " and ".join(map(str, self.of))


@dataclass(frozen=True)
class AtLeast:
    """So many of the statements hold, whichever."""

    count: int
    of: tuple[Predicate, ...]

    def __call__(self, world: World) -> bool:
        return sum(p(world) for p in self.of) >= self.count

    def __str__(self) -> str:
        return f"{self.count} of these hold: {'; '.join(map(str, self.of))}"

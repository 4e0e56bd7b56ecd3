"""What is true of a moment and what one picture shows of it: all that a question about a scene may be made from.

Truths that a picture decides (left of, how many are seen) are taken in the picture, in pixels of 320x240; truths about
space (in front of, nearest) in metres of the base frame, from where the camera stands.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.questions import Rng, Seen

Vector = NDArray[np.float64]
XY = tuple[float, float]


@dataclass(frozen=True)
class Thing:
    """A thing that stands in a scene, or (without role) a kind that could; `place`: what it lies in or on, "gripper", or
    empty: in the air.

    `pos`: (3,) m, base frame. `holds`: "in" or "on", how others lie there. `fixed`: no one moves it. `text`: what is
    written on it. `travel`: how far its drawer is open, 0 - 1; None for a thing without.
    """

    kind: str
    phrase: str  # "red block"
    noun: str  # "block"
    colour: str
    category: str
    role: str = ""
    place: str = ""
    pos: tuple[float, float, float] = (0.0, 0.0, 0.0)
    fixed: bool = False
    holds: str = "on"
    text: str = ""
    travel: float | None = None

    @property
    def names_colour(self) -> bool:
        """Whether its phrase is its colour and its noun, so that it can be held out as a combination."""
        return self.phrase == f"{self.colour} {self.noun}"


@dataclass(frozen=True)
class Camera:
    """Where a camera stands: pos (3,) m and mat (3, 3) camera_to_base; it looks along its -z. `fovy`: degrees."""

    pos: Vector
    mat: Vector
    fovy: float

    def rays(self, height: int, width: int) -> Vector:
        """(height, width, 3) directions of the pixels in the base frame, one metre deep."""
        scale = 2 * math.tan(math.radians(self.fovy) / 2) / height
        v, u = np.mgrid[:height, :width]
        local = np.stack([(u + 0.5 - width / 2) * scale, (height / 2 - v - 0.5) * scale, -np.ones((height, width))], -1)
        return local @ self.mat.T


@dataclass(frozen=True)
class Facts:
    """What is true of a moment, whichever camera looks.

    `kinds`: all that could be there. `reasoning`: what is to be done next; `targets`: the roles it is about, none when
    nothing is left. `said`: what had to be done, in order, of which the first `said_done` are finished. `area`: x and y
    ranges (m) of the table that are worth pointing to.
    """

    things: tuple[Thing, ...]
    kinds: tuple[Thing, ...]
    gripper_closed: float
    instruction: str
    reasoning: str
    finished: str
    targets: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    said_done: int = 0
    area: tuple[XY, XY] = ((0.0, 0.0), (0.0, 0.0))
    cameras: Mapping[str, Camera] = field(default_factory=dict)

    @property
    def held(self) -> Thing | None:
        """The thing in the gripper."""
        return next((t for t in self.things if t.place == "gripper"), None)


@dataclass(frozen=True)
class Gates:
    """When a picture counts as showing something (px at 320x240; shares of what would be seen if nothing stood before it)."""

    min_pixels: int = 60
    min_share: float = 0.3  # to be named
    clear_share: float = 0.7  # to be compared: the middle of what is left of a thing is not its middle
    min_margin_px: float = 12.0  # between two things of which one is the further left
    min_margin_m: float = 0.05  # between two things of which one is nearer
    open_least: float = 0.75  # a drawer's travel; between the bins nothing is asked
    half: tuple[float, float] = (0.35, 0.6)
    closed_most: float = 0.05
    grip_open: float = 0.15
    grip_closed: float = 0.85


@dataclass(frozen=True)
class Item:
    """One question with its truth; `words` fill the wording of its family and `key`.

    `form`: yesno, choice, open, number, points or caption. `options`: of a choice, the answer among them. `pool`: right
    and wrong answers from which a choice can be made. `about`: phrases of the things that it names. `mask`: (H, W) bool,
    where a point is right. `facts`: what a caption should say. `margin`: px or m, how clear it is.
    """

    words: Mapping[str, str]
    answer: str
    form: str = "open"
    key: str = ""
    accept: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    pool: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    mask: NDArray[np.bool_] | None = None
    facts: tuple[str, ...] = ()
    margin: float | None = None


class View:
    """The facts through one camera: which things it shows well, badly or not at all."""

    def __init__(
        self, facts: Facts, camera: str, segmentation: NDArray[np.uint8], seen: Mapping[str, Seen],
        shares: Mapping[str, float], gates: Gates | None = None,
    ) -> None:  # fmt: skip
        self.facts, self.camera, self.segmentation, self.seen = facts, camera, segmentation, seen
        self.shares, self.gates = shares, gates or Gates()

    @cached_property
    def shown(self) -> tuple[Thing, ...]:
        """Things that can be named."""
        return tuple(t for t in self.facts.things if self.shows(t.role))

    @cached_property
    def clear(self) -> tuple[Thing, ...]:
        """Things that can be compared with each other."""
        return tuple(t for t in self.shown if self.shares.get(t.role, 0.0) >= self.gates.clear_share)

    @cached_property
    def unclear(self) -> tuple[Thing, ...]:
        """Things of which too little is seen to ask about them, or to deny that they are there."""
        return tuple(t for t in self.facts.things if self.pixels(t.role) and t not in self.shown)

    @cached_property
    def named(self) -> tuple[Thing, ...]:
        """Those of `shown` whose phrase no other thing has."""
        return tuple(t for t in self.shown if self._phrases[t.phrase] == 1)

    @cached_property
    def _phrases(self) -> Counter[str]:
        return Counter(t.phrase for t in self.facts.things)

    @cached_property
    def nouns(self) -> Counter[str]:
        """How many things each noun names."""
        return Counter(t.noun for t in self.facts.things)

    def pixels(self, name: str) -> int:
        """How many pixels show it."""
        return self.seen[name].pixels if name in self.seen else 0

    def shows(self, role: str) -> bool:
        """Whether enough of it is seen to name it."""
        return self.pixels(role) >= self.gates.min_pixels and self.shares.get(role, 1.0) >= self.gates.min_share

    def u(self, thing: Thing) -> float:
        """px from the left, of the middle of what is seen."""
        return self.seen[thing.role].u

    def depth(self, thing: Thing) -> float:
        """m along the table from under the camera: smaller is further in front."""
        camera = self.facts.cameras[self.camera]
        ahead = -camera.mat[:2, 2]
        return float((np.asarray(thing.pos[:2]) - camera.pos[:2]) @ ahead / max(float(np.linalg.norm(ahead)), 1e-9))


def pick(items: Sequence[Any], rng: Rng) -> Any:
    """One of the items."""
    return items[int(rng.integers(len(items)))]


def shuffled(items: Sequence[Any], rng: Rng) -> list[Any]:
    """The items in random order."""
    return [items[int(i)] for i in rng.permutation(len(items))]


def distance(a: Thing, b: Thing) -> float:
    """m between the middles of two things, along the table."""
    return math.dist(a.pos[:2], b.pos[:2])

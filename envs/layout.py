"""Where things stand at the start of a trial: sampled from the trial alone, test layouts disjoint from training ones."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from envs.types import Fixture, ObjectGroup, Region, Split, Task, Trial

# Free distance between objects: the open gripper is 15 cm wide along y (research: 12 cm between centres suffices).
CLEAR_X, CLEAR_Y = 0.095, 0.13
CELL = 0.03  # m; the grid on which a layout is told to be a training or a test layout
TEST_SHARE = 5  # one layout in so many is a test layout
DRAWS, POINTS = 2000, 60  # arrangements, and points in one of them, before giving up


@dataclass(frozen=True)
class Placed:
    """A thing in its place: `pos` (x, y) m in the base frame, `yaw` rad about +z.

    `height`: m above the table, of what an object stands on, or of a fixture's own origin. `travel`: how far a fixture's
    drawer or door is open, 0 - 1.
    """

    role: str
    kind: str
    pos: tuple[float, float]
    yaw: float = 0.0
    height: float = 0.0
    upside_down: bool = False
    travel: float = 0.0


@dataclass(frozen=True)
class Layout:
    """All that varies in a scene: movable objects, and the fixtures where they stand this time.

    `choices`: (name, what was drawn) of the task's choices.
    `distractors`: movable things that have no part in the task (shift=distractors).
    """

    objects: tuple[Placed, ...]
    fixtures: tuple[Placed, ...] = ()
    choices: tuple[tuple[str, str], ...] = ()
    distractors: tuple[Placed, ...] = ()

    def placed(self, role: str) -> Placed:
        """The object or fixture of that role."""
        return next(p for p in (*self.objects, *self.fixtures) if p.role == role)

    @property
    def is_test(self) -> bool:
        """Whether this layout belongs to the test split: a hash of what stands in which 3 cm cell decides."""
        cells = sorted((o.kind, *(round(c / CELL) for c in o.pos)) for o in self.objects)
        return zlib.crc32(repr(cells).encode()) % TEST_SHARE == 0


@dataclass(frozen=True)
class Apart:
    """A task's `accepts`: objects start at least so many metres from the middle of a thing: (role, m) of each thing."""

    things: tuple[tuple[str, float], ...]
    but: tuple[str, ...] = ()  # roles that stand on or in one

    def __call__(self, layout: Layout, split: Split) -> bool:
        for role, least in self.things:
            x, y = layout.placed(role).pos
            free = [o.pos for o in layout.objects if o.role not in (role, *self.but)]
            if any(np.hypot(p[0] - x, p[1] - y) < least for p in free):
                return False
        return True


class LayoutError(RuntimeError):
    """No layout with enough free space was found."""


def sample_layout(trial: Trial, task: Task, default: Region) -> Layout:
    """The layout of one trial: a pure function of the trial, in the trial's split.

    Groups of objects without a region of their own start in `default`.

    Raises:
        LayoutError: 2,000 draws found no arrangement with free space around every object, none in this split, or none
            that the task accepts.
    """
    rng = trial.rng("layout")
    test = trial.split == "test"
    for _ in range(DRAWS):
        fixtures = tuple(_put(rng, fixture, test) for fixture in _shuffle(rng, task))
        objects = _draw(rng, task.objects, default, fixtures, test)
        if objects is None:
            continue
        choices = tuple((name, some[int(rng.integers(len(some)))]) for name, some in task.choices)
        layout = Layout(objects, fixtures, choices)
        if layout.objects and layout.is_test != test:
            continue
        if task.accepts is None or task.accepts(layout, trial.split):
            return layout
    count = sum(group.count for group in task.objects)
    raise LayoutError(f"no free arrangement of {count} objects in {DRAWS} draws for {trial}; widen the regions or take fewer objects")


def rearranged(rng: np.random.Generator, layout: Layout, task: Task, default: Region) -> Layout | None:
    """The same things and fixtures with the objects at new places of their regions; None when they do not fit."""
    kinds = iter([o.kind for o in layout.objects])
    groups = [replace(g, kinds=tuple(next(kinds) for _ in g.roles), test_kinds=()) for g in task.objects]
    objects = _draw(rng, groups, default, layout.fixtures, False)
    return None if objects is None else Layout(objects, layout.fixtures)


def _shuffle(rng: np.random.Generator, task: Task) -> tuple[Fixture, ...]:
    """The task's fixtures, those of `shuffled` in each other's places."""
    if not task.shuffled:
        return task.fixtures
    places = {f.name: (f.pos, f.yaw) for f in task.fixtures if f.name in task.shuffled}
    order = rng.permutation(len(task.shuffled))
    moved = {name: places[task.shuffled[int(i)]] for name, i in zip(task.shuffled, order, strict=True)}
    return tuple(replace(f, pos=moved[f.name][0], yaw=moved[f.name][1]) if f.name in moved else f for f in task.fixtures)


def _put(rng: np.random.Generator, fixture: Fixture, test: bool) -> Placed:
    kinds = fixture.test_kinds if test and fixture.test_kinds else fixture.kinds
    kind = kinds[int(rng.integers(len(kinds)))]
    x, y = np.add(fixture.pos, rng.uniform(-fixture.jitter, fixture.jitter, 2))
    yaw = fixture.yaw + float(rng.uniform(-fixture.turn, fixture.turn)) if fixture.turn else fixture.yaw
    travel = float(rng.uniform(*fixture.travel)) if any(fixture.travel) else 0.0
    return Placed(fixture.name, kind, (float(x), float(y)), yaw, fixture.height, travel=travel)


def _draw(
    rng: np.random.Generator, groups: Sequence[ObjectGroup], default: Region, fixtures: Sequence[Placed], test: bool
) -> tuple[Placed, ...] | None:
    """Objects with free space around each; None when they do not fit."""
    where = {f.role: f for f in fixtures}
    objects: list[Placed] = []
    free: list[tuple[float, float]] = []
    for group in groups:
        kinds = group.test_kinds if test and group.test_kinds else group.kinds
        chosen = sorted(rng.choice(len(kinds), group.count, replace=False))
        regions = group.regions or (default,)
        region = regions[int(rng.integers(len(regions)))] if len(regions) > 1 else next(iter(regions))
        for role, kind in zip(group.roles, (kinds[i] for i in chosen), strict=True):
            placed = _place(rng, role, kind, region, where.get(region.on), free)
            if placed is None:
                return None
            objects.append(placed)
            if not region.fixed:
                free.append(placed.pos)
    return tuple(objects)


def _place(
    rng: np.random.Generator, role: str, kind: str, region: Region, on: Placed | None, free: Sequence[tuple[float, float]]
) -> Placed | None:
    """One object in its region, clear of those that are `free`; None when no point is."""
    frame = on or Placed("", "", (0.0, 0.0))
    cos, sin = np.cos(frame.yaw), np.sin(frame.yaw)
    (low_x, high_x), (low_y, high_y) = region.x, region.y
    for _ in range(POINTS):
        x, y = rng.uniform((low_x, low_y), (high_x, high_y))
        pos = (float(frame.pos[0] + cos * x - sin * y), float(frame.pos[1] + sin * x + cos * y))
        if region.fixed or all(abs(pos[0] - q[0]) > CLEAR_X or abs(pos[1] - q[1]) > CLEAR_Y for q in free):
            yaw = frame.yaw + float(rng.uniform(*region.yaw))
            return Placed(role, kind, pos, yaw, frame.height + region.height, region.upside_down)
    return None

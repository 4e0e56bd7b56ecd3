"""Layouts just outside where training starts, for shift=layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from envs.layout import CLEAR_X, CLEAR_Y, DRAWS, POINTS, Layout, LayoutError, Placed
from envs.objects import KINDS
from envs.types import Region, Task, Trial

Vector = NDArray[np.float64]
Rng = np.random.Generator

# A band around where training starts: 4 cm is more than any generalisation within the region needs, and in reach.
BAND = 0.04  # m
FIXTURE_BAND = 0.010  # m beyond a fixture's jitter
ROOM = 0.085  # m from an object's centre to a fixture, for the open gripper; less only where training has less


def outside(trial: Trial, task: Task, default: Region, layout: Layout) -> Layout:
    """The same things with the same yaw in a band around their regions; fixtures just beyond their jitter.

    What stands on a fixture moves with it; what stands in or on scenery stays.
    """
    rng = trial.rng("shift")
    groups = {role: group for group in task.objects for role in group.roles}
    regions = {o.role: _region(o, groups[o.role].regions or (default,), layout) for o in layout.objects}
    for _ in range(DRAWS):
        fixtures = tuple(_nudged(rng, task, placed) for placed in layout.fixtures)
        moved = {f.role: np.subtract(f.pos, old.pos) for f, old in zip(fixtures, layout.fixtures, strict=True)}
        objects: list[Placed] = []
        free: list[tuple[float, float]] = []
        for old in layout.objects:
            region = regions[old.role]
            if region.on:
                new = _at(old, np.add(old.pos, moved[region.on]))
            elif region.fixed or region.height:
                new = old
            else:
                near = {f.role: _gap(old.pos, f) for f in layout.fixtures}
                new = _in_band(rng, old, region, free, [(f, min(ROOM, near[f.role])) for f in fixtures])
            if new is None:
                break
            objects.append(new)
            if not region.fixed:
                free.append(new.pos)
        else:
            shifted = replace(layout, objects=tuple(objects), fixtures=fixtures)
            accepted = task.accepts is None or task.accepts(shifted, trial.split)
            if accepted and (not objects or shifted.is_test == (trial.split == "test")):
                return shifted
    raise LayoutError(f"no free arrangement outside the regions of training in {DRAWS} draws for {trial}")


def _region(placed: Placed, regions: Sequence[Region], layout: Layout) -> Region:
    """Which of the regions an object started in."""
    for region in regions:
        frame = layout.placed(region.on) if region.on else Placed("", "", (0.0, 0.0))
        x, y = _local(placed.pos, frame)
        level = abs(frame.height + region.height - placed.height) < 1e-6
        if level and region.x[0] - 1e-6 <= x <= region.x[1] + 1e-6 and region.y[0] - 1e-6 <= y <= region.y[1] + 1e-6:
            return region
    raise LayoutError(f"{placed} is in none of its regions")


def _in_band(
    rng: Rng, old: Placed, region: Region, free: Sequence[tuple[float, float]], fixtures: Sequence[tuple[Placed, float]]
) -> Placed | None:
    low, high = np.array([region.x[0], region.y[0]]), np.array([region.x[1], region.y[1]])
    for _ in range(POINTS):
        p = rng.uniform(low - BAND, high + BAND)
        outside = bool(((p < low) | (p > high)).any())
        clear = all(abs(p[0] - q[0]) > CLEAR_X or abs(p[1] - q[1]) > CLEAR_Y for q in free)
        if outside and clear and all(_gap((p[0], p[1]), f) >= room for f, room in fixtures):
            return _at(old, p)
    return None


def _nudged(rng: Rng, task: Task, placed: Placed) -> Placed:
    """The fixture just beyond its jitter, on the side where chance has it."""
    fixture = next(f for f in task.fixtures if f.name == placed.role)
    if not fixture.jitter:
        return placed
    # Where it is meant to stand: its own place, or another's where the task shuffles them.
    middle = min((f.pos for f in task.fixtures), key=lambda pos: float(np.hypot(*np.subtract(pos, placed.pos))))
    offset = rng.uniform(-1, 1, 2)
    offset *= (fixture.jitter + rng.uniform(0, FIXTURE_BAND)) / np.abs(offset).max()
    return _at(placed, np.add(middle, offset))


def _at(placed: Placed, pos: Vector) -> Placed:
    return replace(placed, pos=(float(pos[0]), float(pos[1])))


def _gap(pos: tuple[float, float], fixture: Placed) -> float:
    """m from a point to the fixture's outline seen from above, 0 inside."""
    x, y = _local(pos, fixture)
    hx, hy, _ = KINDS[fixture.kind].half_extents
    return float(np.hypot(max(0.0, abs(x) - hx), max(0.0, abs(y) - hy)))


def _local(pos: tuple[float, float], frame: Placed) -> tuple[float, float]:
    """A point of the base frame in the frame of something placed."""
    (dx, dy), c, s = np.subtract(pos, frame.pos), np.cos(frame.yaw), np.sin(frame.yaw)
    return float(c * dx + s * dy), float(c * dy - s * dx)

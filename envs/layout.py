"""Where things stand at the start of a trial: sampled from the trial alone, test layouts disjoint from training ones."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from envs.types import ObjectGroup, Trial

# Free distance between objects: the open gripper is 15 cm wide along y (research: 12 cm between centres suffices).
CLEAR_X, CLEAR_Y = 0.095, 0.13
CELL = 0.03  # m; the grid on which a layout is told to be a training or a test layout
TEST_SHARE = 5  # one layout in so many is a test layout


@dataclass(frozen=True)
class Placed:
    """An object on the table: `pos` (x, y) m in the base frame, `yaw` rad about +z."""

    role: str
    kind: str
    pos: tuple[float, float]
    yaw: float


@dataclass(frozen=True)
class Layout:
    """All that varies in a scene: movable objects, and where the fixed containers stand, (x, y) m."""

    objects: tuple[Placed, ...]
    containers: Mapping[str, tuple[float, float]]

    @property
    def is_test(self) -> bool:
        """Whether this layout belongs to the test split: a hash of what stands in which 3 cm cell decides."""
        cells = sorted((o.kind, *(round(c / CELL) for c in o.pos)) for o in self.objects)
        return zlib.crc32(repr(cells).encode()) % TEST_SHARE == 0


@dataclass(frozen=True)
class Region:
    """The part of the table where objects may start, (low, high) m, and the fixed containers, (x, y) m."""

    x: tuple[float, float]
    y: tuple[float, float]
    yaw: float  # rad, +-
    containers: Mapping[str, tuple[float, float]]
    container_jitter: float  # m, +-


class LayoutError(RuntimeError):
    """No layout with enough free space was found."""


def sample_layout(trial: Trial, groups: tuple[ObjectGroup, ...], region: Region) -> Layout:
    """The layout of one trial: a pure function of the trial, in the trial's split.

    Raises:
        LayoutError: 2,000 draws found no arrangement with free space around every object.
    """
    rng = trial.rng("layout")
    for _ in range(2000):
        layout = _draw(rng, groups, region)
        if layout is not None and layout.is_test == (trial.split == "test"):
            return layout
    raise LayoutError(f"no free arrangement of {sum(g.count for g in groups)} objects in {region.x} x {region.y} m found for {trial}")


def _draw(rng: np.random.Generator, groups: tuple[ObjectGroup, ...], region: Region) -> Layout | None:
    roles, kinds = [], []
    for group in groups:
        chosen = sorted(rng.choice(len(group.kinds), group.count, replace=False))
        roles += [f"{group.name}_{i}" for i in range(group.count)]
        kinds += [group.kinds[i] for i in chosen]
    low, high = np.array([region.x, region.y]).T
    points: list[np.ndarray] = []
    for _ in range(60):
        point = rng.uniform(low, high)
        if all(abs(point[0] - q[0]) > CLEAR_X or abs(point[1] - q[1]) > CLEAR_Y for q in points):
            points.append(point)
        if len(points) == len(roles):
            break
    else:
        return None
    yaws = rng.uniform(-region.yaw, region.yaw, len(roles))
    jitter = rng.uniform(-region.container_jitter, region.container_jitter, (len(region.containers), 2))
    return Layout(
        tuple(
            Placed(role, kind, (float(p[0]), float(p[1])), float(yaw))
            for role, kind, p, yaw in zip(roles, kinds, points, yaws, strict=True)
        ),
        {
            name: (float(xy[0] + j[0]), float(xy[1] + j[1]))
            for (name, xy), j in zip(region.containers.items(), jitter, strict=True)
        },
    )

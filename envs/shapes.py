"""Meshes from a few numbers: turned bodies, bent tubes, heaps of boxes. Vertices (n, 3) m, faces (m, 3), seen from outside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

XYZ = tuple[float, float, float]
RGB = tuple[float, float, float]
Mesh = tuple[NDArray[np.float64], NDArray[np.int64]]


def boxes(parts: Sequence[tuple[XYZ, XYZ]]) -> Mesh:
    """All `parts` (centre, half size) as one mesh: one draw call instead of dozens."""
    corner = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    face = np.array([
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ])  # fmt: skip
    vertices = np.concatenate([corner * half + centre for centre, half in parts])
    return vertices, np.concatenate([face + 8 * i for i in range(len(parts))])


def lathe(profile: Sequence[tuple[float, float]], rounds: int) -> Mesh:
    """`profile` (radius, z) turned about z in `rounds` segments.

    Its points go up the outside and come down the inside (a mug: axis at the bottom, outer wall, rim, inner wall, axis).
    """
    points = np.asarray(profile, float)
    angle = 2 * np.pi * np.arange(rounds) / rounds
    ring = np.stack([np.cos(angle), np.sin(angle)], 1)
    vertices = np.concatenate([np.c_[r * ring, np.full(rounds, z)] for r, z in points])
    i, k = np.meshgrid(np.arange(len(points) - 1), np.arange(rounds), indexing="ij")
    a, b = i * rounds + k, i * rounds + (k + 1) % rounds
    c, d = a + rounds, b + rounds
    return vertices, np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])


def tube(path: Sequence[XYZ] | NDArray[np.float64], radius: float | NDArray[np.float64], sides: int = 8) -> Mesh:
    """A round tube along `path`, closed at both ends: a handle, a hook, a rail. `radius`: one, or one for each point."""
    p = np.asarray(path, float)
    radii = np.broadcast_to(radius, len(p))
    along = np.gradient(p, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    normal = np.cross(along[0], [1.0, 0, 0] if abs(along[0, 0]) < 0.9 else [0, 1.0, 0])
    angle = 2 * np.pi * np.arange(sides) / sides
    rings = []
    for point, t, r in zip(p, along, radii, strict=True):
        normal = normal - normal @ t * t  # carried along the path without twist
        normal /= np.linalg.norm(normal)
        rings.append(point + r * (np.outer(np.cos(angle), normal) + np.outer(np.sin(angle), np.cross(t, normal))))
    vertices = np.concatenate([*rings, p[:1], p[-1:]])
    i, k = np.meshgrid(np.arange(len(p) - 1), np.arange(sides), indexing="ij")
    a, b = i * sides + k, i * sides + (k + 1) % sides
    c, d = a + sides, b + sides
    k = np.arange(sides)
    first, last, end = len(p) * sides, len(p) * sides + 1, (len(p) - 1) * sides
    caps = [np.stack([np.full(sides, first), (k + 1) % sides, k], -1), np.stack([np.full(sides, last), end + k, end + (k + 1) % sides], -1)]
    side = [np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)]
    return vertices, np.concatenate([*side, *caps])


def arc(centre: XYZ, u: XYZ, v: XYZ, start: float, end: float, count: int) -> NDArray[np.float64]:
    """(count, 3): centre + cos(t) u + sin(t) v for t from `start` to `end` rad."""
    t = np.linspace(start, end, count)[:, None]
    c, u_axis, v_axis = (np.asarray(w, np.float64) for w in (centre, u, v))
    return c + np.cos(t) * u_axis + np.sin(t) * v_axis


def prism(outline: Sequence[tuple[float, float]], low: float, high: float) -> Mesh:
    """A convex `outline` (x, y), counter-clockwise, drawn up from z `low` to `high`."""
    xy = np.asarray(outline, float)
    n = len(xy)
    vertices = np.concatenate([np.c_[xy, np.full(n, low)], np.c_[xy, np.full(n, high)]])
    k = np.arange(n)
    j = (k + 1) % n
    fan = np.stack([np.zeros(n - 2, int), k[1:-1], k[2:]], -1)
    sides = [np.stack([k, j, j + n], -1), np.stack([k, j + n, k + n], -1)]
    return vertices, np.concatenate([fan[:, ::-1], fan + n, *sides])


def rounded(half: XYZ, flat: float, edge: float, rounds: int, centre: XYZ = (0, 0, 0)) -> Mesh:
    """A superellipsoid of half sizes `half`: a pebble, a bar of soap, a cushion.

    `flat`: the exponent of its outline seen from above, `edge`: of that seen from the side; 2 is an ellipse, 10 nearly a box.
    """
    rows = max(4, rounds // 2)
    v, u = np.meshgrid(np.linspace(-np.pi / 2, np.pi / 2, rows), 2 * np.pi * np.arange(rounds) / rounds, indexing="ij")
    ring, z = _power(np.cos(v), 2 / edge), _power(np.sin(v), 2 / edge)
    points = np.stack([ring * _power(np.cos(u), 2 / flat), ring * _power(np.sin(u), 2 / flat), z], -1).reshape(-1, 3)
    i, k = np.meshgrid(np.arange(rows - 1), np.arange(rounds), indexing="ij")
    a, b = i * rounds + k, i * rounds + (k + 1) % rounds
    c, d = a + rounds, b + rounds
    faces = [np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)]
    return points * half + centre, np.concatenate(faces)


def _power(x: np.ndarray, exponent: float) -> np.ndarray:
    return np.sign(x) * np.abs(x) ** exponent


def joined(*meshes: Mesh) -> Mesh:
    """Several meshes as one."""
    offsets = np.cumsum([0, *(len(v) for v, _ in meshes[:-1])])
    return np.concatenate([v for v, _ in meshes]), np.concatenate([f + o for (_, f), o in zip(meshes, offsets, strict=True)])

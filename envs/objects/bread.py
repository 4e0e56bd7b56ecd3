"""Bread: rolls and small loaves with a scored crust, flat underneath."""

from __future__ import annotations

import mujoco
import numpy as np

from envs.looks import Builder
from envs.objects.felt import felt_boxes
from envs.objects.kind import Add, Kind
from envs.shapes import RGB, XYZ, Mesh, tube

MASS = 0.06  # kg


def _dome(half: XYZ, power: float, around: int) -> Mesh:
    """A flat-bottomed heap of half length, half width and height `half`; `power`: 2 an ellipse, more a blunt loaf."""
    x = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 13))
    swell = np.maximum(1 - np.abs(x) ** power, 0) ** (1 / power)
    v = np.linspace(-0.25, np.pi + 0.25, around)  # the sides curve in below the widest line
    y, z = np.cos(v), np.sin(v)
    z = (z - z[0]) / (1 - z[0])
    vertices = np.stack(np.broadcast_arrays(half[0] * x[:, None], half[1] * swell[:, None] * y, half[2] * swell[:, None] ** 0.7 * z), -1)
    i, k = np.meshgrid(np.arange(len(x) - 1), np.arange(around), indexing="ij")
    a, b = i * around + k, i * around + (k + 1) % around
    faces = np.concatenate([np.stack([a, b, a + around], -1).reshape(-1, 3), np.stack([b, b + around, a + around], -1).reshape(-1, 3)])
    return vertices.reshape(-1, 3), faces


def _bread(half: XYZ, power: float, crust: RGB, crumb: RGB, scores: int) -> Add:
    """`scores` slanting cuts show the crumb; the body's origin is in the middle."""
    length, width, height = half

    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        vertices, faces = _dome(half, power, max(12, builder.look.rounds // 2))
        low = np.array([0, 0, height / 2])
        builder.mesh(body, f"{role}_crust", vertices - low, faces, rgba=[*crust, 1])
        for k in range(scores):
            x = length * (k - (scores - 1) / 2) * 1.15 / scores
            y = np.linspace(-0.62, 0.62, 5)
            swell = (1 - abs(x / length) ** power) ** (1 / power)
            path = np.stack([x + 0.45 * width * y, width * swell * y, height * swell**0.7 * np.sqrt(1 - 0.93 * y**2) - 0.0008], -1)
            builder.mesh(body, f"{role}_score_{k}", *tube(path - low, 0.0032, 5), rgba=[*crumb, 1])
        parts: list[tuple[XYZ, XYZ]] = [
            ((0, 0, -0.12 * height), (0.62 * length, 0.90 * width, 0.38 * height)),
            ((0, 0, -0.18 * height), (0.90 * length, 0.55 * width, 0.32 * height)),
            ((0, 0, 0.06 * height), (0.55 * length, 0.50 * width, 0.42 * height)),
        ]
        felt_boxes(body, f"{role}_felt", parts, mass=MASS)

    return add


def _make(name: str, half: XYZ, power: float, crust: RGB, scores: int) -> Kind:
    crumb = (0.96, 0.84, 0.60)
    extents = (half[0] + 0.004, half[1] + 0.002, half[2] / 2 + 0.004)
    return Kind(name, "bread", "bread", "brown", "food", extents, half[2] / 2, half[2] / 2 + 0.008, _bread(half, power, crust, crumb, scores))


KINDS: tuple[Kind, ...] = (  # half length, half width, height
    _make("bread_roll", (0.048, 0.030, 0.045), 2.2, (0.78, 0.50, 0.20), 3),
    _make("bread_loaf", (0.058, 0.029, 0.048), 3.5, (0.66, 0.38, 0.14), 4),
    _make("bread_bun", (0.036, 0.033, 0.042), 2.0, (0.84, 0.58, 0.26), 1),
)

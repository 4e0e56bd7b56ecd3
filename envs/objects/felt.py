"""Collision shapes that several families share: geoms that are felt and not drawn."""

from __future__ import annotations

import mujoco
import numpy as np

from envs.geometry import quat_from_matrix, rotation_matrix
from envs.looks import COLLISION_GROUP
from envs.shapes import XYZ

BOX, SPHERE, CAPSULE = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_SPHERE, mujoco.mjtGeom.mjGEOM_CAPSULE
CYLINDER = mujoco.mjtGeom.mjGEOM_CYLINDER
FRICTION = (0.8, 0.01, 0.0002)  # sliding, torsional, rolling


def felt(body: mujoco.MjsBody, name: str, shape: mujoco.mjtGeom, **values) -> None:
    """Adds one geom that collides and is not drawn."""
    body.add_geom(name=name, type=shape, **{"friction": FRICTION, "condim": 4, "group": COLLISION_GROUP, **values})


def felt_ring(
    body: mujoco.MjsBody, name: str, low: tuple[float, float], high: tuple[float, float], thick: float, count: int, **values
) -> None:
    """A round wall of `count` boxes whose inner face goes from `low` to `high` (radius, z); `thick` m."""
    (r0, z0), (r1, z1) = low, high
    length, slope = float(np.hypot(r1 - r0, z1 - z0)), np.arctan2(z1 - z0, r1 - r0)
    inward = np.array([-np.sin(slope), np.cos(slope)])  # of the wall's plane (radius, z)
    r, z = np.array([r0 + r1, z0 + z1]) / 2 - inward * thick / 2
    half = (length / 2, max(r0, r1) * np.tan(np.pi / count) + thick / 2, thick / 2)
    pitch = rotation_matrix((0, -slope, 0))
    for k in range(count):
        angle = 2 * np.pi * k / count
        quat = quat_from_matrix(rotation_matrix((0, 0, angle)) @ pitch)
        felt(body, f"{name}_{k}", BOX, pos=(r * np.cos(angle), r * np.sin(angle), z), quat=quat, size=half, **values)


def felt_boxes(body: mujoco.MjsBody, name: str, parts: list[tuple[XYZ, XYZ]], **values) -> None:
    """Boxes (centre, half size); `mass` is of all together, shared by volume."""
    mass = values.pop("mass", None)
    volumes = [float(np.prod(half)) for _, half in parts]
    for k, (centre, half) in enumerate(parts):
        own = {} if mass is None else {"mass": mass * volumes[k] / sum(volumes)}
        felt(body, f"{name}_{k}", BOX, pos=centre, size=half, **own, **values)

"""What toys are sorted into: a cardboard box and a woven basket of one size, fixed to the table."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np

from envs.objects import COLLISION_GROUP, RGB, XYZ

INNER_HALF = (0.08, 0.09)  # m along x and y: 16 x 18 cm inside
WALL = 0.005  # m thick
HEIGHT = 0.065  # m, rim above the table

CARDBOARD, CARDBOARD_DARK = (0.66, 0.47, 0.29), (0.52, 0.36, 0.21)
WICKER, WICKER_DARK = (0.94, 0.92, 0.86), (0.80, 0.76, 0.67)


# What counts as inside: half inner sizes along x and y, height of the rim, m.
CONTAINERS = {name: (*INNER_HALF, HEIGHT) for name in ("box", "basket")}


def add_container(spec: mujoco.MjSpec, name: str, pos: tuple[float, float]) -> None:
    """Adds the static body `name` centred at `pos` (m) on the table."""
    body = spec.worldbody.add_body(name=name, pos=[*pos, 0.0])
    for i, (centre, half) in enumerate(_shell()):
        body.add_geom(
            name=f"{name}_felt_{i}", type=mujoco.mjtGeom.mjGEOM_BOX, pos=centre, size=half, group=COLLISION_GROUP, condim=3,
            friction=[0.8, 0.005, 0.0001],
        )  # fmt: skip
    _LOOKS[name](spec, body)


def _shell() -> list[tuple[XYZ, XYZ]]:
    """Centre and half size of the floor and the four walls."""
    (hx, hy), t, h = INNER_HALF, WALL / 2, HEIGHT / 2
    return [
        ((0, 0, t), (hx, hy, t)),
        *[((s * (hx + t), 0, h), (t, hy + WALL, h)) for s in (-1, 1)],
        *[((0, s * (hy + t), h), (hx, t, h)) for s in (-1, 1)],
    ]


def _add_mesh(spec: mujoco.MjSpec, body: mujoco.MjsBody, name: str, boxes: list[tuple[XYZ, XYZ]], rgb: RGB) -> None:
    """All `boxes` (centre, half size) as one mesh: one draw call instead of dozens."""
    corner = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    face = np.array([
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ])  # fmt: skip
    vertices = np.concatenate([corner * half + centre for centre, half in boxes])
    faces = np.concatenate([face + 8 * i for i in range(len(boxes))])
    spec.add_mesh(
        name=name, uservert=vertices.ravel(), userface=faces.ravel(), inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL
    )
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, rgba=[*rgb, 1], contype=0, conaffinity=0, group=1, mass=0
    )


def _cardboard_look(spec: mujoco.MjSpec, body: mujoco.MjsBody) -> None:
    """Plain walls with a darker rim, the cut edge of the board."""
    floor, *walls = _shell()
    _add_mesh(spec, body, f"{body.name}_board", [floor, *walls], CARDBOARD)
    rim = [((x, y, HEIGHT), (hx, hy, 0.001)) for (x, y, _), (hx, hy, _) in walls]
    _add_mesh(spec, body, f"{body.name}_rim", rim, CARDBOARD_DARK)


def _wicker_look(spec: mujoco.MjSpec, body: mujoco.MjsBody) -> None:
    """Strips that pass before and behind upright stakes by turns, with gaps between them, under a solid rim."""
    (hx, hy), strips, stakes = INNER_HALF, 4, 7
    pitch = (HEIGHT - 0.010) / strips
    light: list[tuple[XYZ, XYZ]] = [_shell()[0]]
    dark: list[tuple[XYZ, XYZ]] = []
    for side in (-1, 1):
        for along, length, across in (("y", hy + WALL, hx), ("x", hx, hy)):
            step = 2 * length / stakes
            for k in range(stakes):
                a = -length + (k + 0.5) * step
                dark.append(_oriented(along, a, side * (across + WALL / 2), HEIGHT / 2, 0.0022, 0.0012, HEIGHT / 2))
                for row in range(strips):
                    out = 0.0014 if (k + row) % 2 else -0.0014
                    z = 0.004 + (row + 0.5) * pitch
                    light.append(
                        _oriented(along, a, side * (across + WALL / 2 + out), z, step / 2, 0.0011, 0.36 * pitch)
                    )
    light += [((x, y, HEIGHT - 0.003), (wx + 0.001, wy + 0.001, 0.004)) for (x, y, _), (wx, wy, _) in _shell()[1:]]
    _add_mesh(spec, body, f"{body.name}_strips", light, WICKER)
    _add_mesh(spec, body, f"{body.name}_stakes", dark, WICKER_DARK)


def _oriented(along: str, a: float, across: float, z: float, ha: float, hb: float, hz: float) -> tuple[XYZ, XYZ]:
    """Centre and half size of a piece of a wall that runs along x or y: `a` on the way, `across` it, `z` up."""
    if along == "x":
        return (a, across, z), (ha, hb, hz)
    return (across, a, z), (hb, ha, hz)


_LOOKS: dict[str, Callable[[mujoco.MjSpec, mujoco.MjsBody], None]] = {"box": _cardboard_look, "basket": _wicker_look}

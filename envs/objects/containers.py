"""What toys are sorted into: a cardboard box and a woven basket of one size, fixed to the table."""

from __future__ import annotations

import mujoco

from envs.looks import COLLISION_GROUP, Builder
from envs.objects.kind import Interior, Kind
from envs.shapes import RGB, XYZ, boxes

INNER_HALF = (0.08, 0.09)  # m along x and y: 16 x 18 cm inside
WALL = 0.005  # m thick
HEIGHT = 0.065  # m, rim above the table

CARDBOARD, CARDBOARD_DARK = (0.66, 0.47, 0.29), (0.52, 0.36, 0.21)
WICKER, WICKER_DARK = (0.94, 0.92, 0.86), (0.80, 0.76, 0.67)



def _add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
    """The walls that are felt."""
    for i, (centre, half) in enumerate(_shell()):
        body.add_geom(
            name=f"{role}_felt_{i}", type=mujoco.mjtGeom.mjGEOM_BOX, pos=centre, size=half, group=COLLISION_GROUP, condim=3,
            friction=[0.8, 0.005, 0.0001],
        )  # fmt: skip


def _shell() -> list[tuple[XYZ, XYZ]]:
    """Centre and half size of the floor and the four walls."""
    (hx, hy), t, h = INNER_HALF, WALL / 2, HEIGHT / 2
    return [
        ((0, 0, t), (hx, hy, t)),
        *[((s * (hx + t), 0, h), (t, hy + WALL, h)) for s in (-1, 1)],
        *[((0, s * (hy + t), h), (hx, t, h)) for s in (-1, 1)],
    ]


def _add_cardboard(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
    """Plain walls with a darker rim, the cut edge of the board."""
    _add(builder, body, role)
    floor, *walls = _shell()
    _draw(builder, body, f"{role}_board", [floor, *walls], CARDBOARD)
    rim = [((x, y, HEIGHT), (hx, hy, 0.001)) for (x, y, _), (hx, hy, _) in walls]
    _draw(builder, body, f"{role}_rim", rim, CARDBOARD_DARK)


def _add_wicker(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
    """Strips that pass before and behind upright stakes by turns, with gaps between them, under a solid rim."""
    _add(builder, body, role)
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
    _draw(builder, body, f"{role}_strips", light, WICKER)
    _draw(builder, body, f"{role}_stakes", dark, WICKER_DARK)


def _oriented(along: str, a: float, across: float, z: float, ha: float, hb: float, hz: float) -> tuple[XYZ, XYZ]:
    """Centre and half size of a piece of a wall that runs along x or y: `a` on the way, `across` it, `z` up."""
    if along == "x":
        return (a, across, z), (ha, hb, hz)
    return (across, a, z), (hb, ha, hz)


def _draw(builder: Builder, body: mujoco.MjsBody, name: str, parts: list[tuple[XYZ, XYZ]], rgb: RGB) -> None:
    builder.mesh(body, name, *boxes(parts), rgba=[*rgb, 1])


_INTERIOR = Interior(*INNER_HALF, rim=HEIGHT, floor=WALL)
_EXTENTS = (INNER_HALF[0] + WALL, INNER_HALF[1] + WALL, HEIGHT)
KINDS: tuple[Kind, ...] = (
    Kind("box", "box", "box", "brown", "container", _EXTENTS, 0.0, 0.0, _add_cardboard, _INTERIOR),
    Kind("basket", "basket", "basket", "white", "container", _EXTENTS, 0.0, 0.0, _add_wicker, _INTERIOR),
)

"""A refrigerator of half a person's arm: it stands on the counter with its door open, food on its shelves.

Its frame: origin under the middle of its front, the opening towards -x (the robot), the door's hinge on the left (+y).
"""

from __future__ import annotations

import mujoco
import numpy as np

from envs.looks import SEEN, Builder
from envs.objects.felt import BOX, CYLINDER, felt
from envs.objects.kind import Interior, Kind
from envs.shapes import RGB, XYZ, boxes, joined, lathe

HALF_Y, DEPTH, HEIGHT = 0.175, 0.27, 0.68  # m, outside
WALL = 0.018  # m thick
SHELVES = (0.135, 0.31)  # m, tops of the two shelves that are free for bread; vegetables lie under the lower one
SHELF_THICK = 0.008
SETBACK = (0.012, 0.075)  # m, of the shelves' edges behind the front: the upper one leaves room for a hand that reaches down
DOOR = 0.032  # m thick
DOOR_OPEN = np.radians(152)
FRICTION = (0.8, 0.005, 0.0001)
INNER = (0.93, 0.96, 0.98)
GLASS = (0.72, 0.86, 0.90, 1)

Part = tuple[XYZ, XYZ]


def _walls() -> list[Part]:
    """Floor, top, sides and back, centre and half size."""
    d, h, w = DEPTH / 2, HEIGHT / 2, WALL / 2
    return [
        ((d, 0, w), (d, HALF_Y, w)),
        ((d, 0, HEIGHT - w), (d, HALF_Y, w)),
        *[((d, s * (HALF_Y - w), h), (d, w, h - WALL)) for s in (-1, 1)],
        ((DEPTH - w, 0, h), (w, HALF_Y - WALL, h - WALL)),
    ]


def _add(builder: Builder, body: mujoco.MjsBody, role: str, rgb: RGB) -> None:
    enamel = builder.material("enamel")
    for i, (centre, half) in enumerate(_walls()):
        felt(body, f"{role}_felt_{i}", BOX, pos=centre, size=half)
    builder.mesh(body, f"{role}_shell", *boxes(_walls()), rgba=[*rgb, 1], material=enamel)
    lining: list[Part] = []
    inner, depth, skin = HALF_Y - WALL, DEPTH - WALL, 0.001
    for s in (-1, 1):
        lining.append(((depth / 2 + 0.004, s * inner, HEIGHT / 2), (depth / 2 - 0.004, skin, HEIGHT / 2 - WALL)))
    for z in (WALL, HEIGHT - WALL):
        lining.append(((depth / 2 + 0.004, 0, z), (depth / 2 - 0.004, inner, skin)))
    lining.append(((depth, 0, HEIGHT / 2), (skin, inner, HEIGHT / 2 - WALL)))
    builder.mesh(body, f"{role}_lining", *boxes(lining), rgba=[*INNER, 1])
    for name, top, edge in zip(("lower", "upper"), SHELVES, SETBACK, strict=True):
        body.add_geom(
            name=f"{role}_{name}", type=BOX, pos=[(depth + edge) / 2, 0, top - SHELF_THICK / 2],
            size=[(depth - edge) / 2, inner, SHELF_THICK / 2], rgba=GLASS, friction=FRICTION, condim=3, group=1,
        )  # fmt: skip
    # The drawer for vegetables under the lower shelf, a lamp under the top.
    drawer: list[Part] = [((SETBACK[0] + 0.005, 0, 0.072), (0.004, inner - 0.004, 0.052)), ((SETBACK[0] - 0.003, 0, 0.105), (0.006, 0.05, 0.005))]
    builder.mesh(body, f"{role}_drawer", *boxes(drawer), rgba=[0.60, 0.76, 0.80, 1], material=enamel)
    body.add_geom(type=BOX, pos=[depth - 0.03, 0, HEIGHT - WALL - 0.008], size=[0.02, 0.05, 0.006], rgba=[1, 1, 0.92, 1], **SEEN)
    _add_food(builder, body, role)
    _add_door(builder, body, role, rgb)


def _add_food(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
    """At the back of the shelves: a carton and a jar, jars and a cheese; they are part of the refrigerator."""
    rounds = builder.look.rounds
    (low, high), back = SHELVES, DEPTH - WALL
    carton: list[Part] = [((back - 0.035, 0.110, high + 0.065), (0.030, 0.032, 0.065)), ((back - 0.035, 0.110, high + 0.142), (0.004, 0.032, 0.012))]
    builder.mesh(body, f"{role}_carton", *boxes(carton), rgba=[0.93, 0.94, 0.97, 1])
    band: list[Part] = [((back - 0.035, 0.110, high + 0.055), (0.0305, 0.0325, 0.022))]
    builder.mesh(body, f"{role}_label", *boxes(band), rgba=[0.16, 0.38, 0.74, 1])
    felt(body, f"{role}_felt_carton", BOX, pos=(back - 0.035, 0.110, high + 0.075), size=[0.030, 0.032, 0.075])
    jar = [(0, 0), (0.028, 0), (0.028, 0.060), (0.022, 0.068), (0, 0.068)]
    lid = [(0, 0.068), (0.025, 0.068), (0.025, 0.080), (0, 0.080)]
    for i, (y, z, fill, cap) in enumerate((
        (-0.118, high, (0.75, 0.12, 0.12), (0.92, 0.90, 0.84)),
        (-0.118, low, (0.95, 0.70, 0.16), (0.75, 0.12, 0.12)),
    )):  # fmt: skip
        at = np.array([back - 0.034, y, z])
        for name, profile, rgb in (("jar", jar, fill), ("lid", lid, cap)):
            vertices, faces = lathe(profile, rounds)
            builder.mesh(body, f"{role}_{name}_{i}", vertices + at, faces, rgba=[*rgb, 1], material=builder.material("porcelain"))
        felt(body, f"{role}_felt_jar_{i}", CYLINDER, pos=tuple(at + [0, 0, 0.04]), size=[0.028, 0.04, 0])
    cheese = [((back - 0.036, 0.100, low + 0.020), (0.032, 0.045, 0.020))]
    builder.mesh(body, f"{role}_cheese", *boxes(cheese), rgba=[0.97, 0.80, 0.30, 1])
    felt(body, f"{role}_felt_cheese", BOX, pos=cheese[0][0], size=cheese[0][1])


def _add_door(builder: Builder, body: mujoco.MjsBody, role: str, rgb: RGB) -> None:
    """Open; in its own frame it runs from the hinge along -y, its outside towards -x, as if it were closed."""
    door = body.add_body(name=f"{role}_door", pos=[0, HALF_Y, 0], quat=[np.cos(DOOR_OPEN / 2), 0, 0, -np.sin(DOOR_OPEN / 2)])
    centre, half = (-DOOR / 2, -HALF_Y, HEIGHT / 2), (DOOR / 2, HALF_Y, HEIGHT / 2)
    felt(door, f"{role}_felt_door", BOX, pos=centre, size=half)
    enamel = builder.material("enamel")
    handle: list[Part] = [((-DOOR - 0.020, -2 * HALF_Y + 0.03, 0.36), (0.006, 0.008, 0.075))]
    handle += [((-DOOR - 0.008, -2 * HALF_Y + 0.03, 0.36 + s * 0.06), (0.010, 0.006, 0.006)) for s in (-1, 1)]
    builder.mesh(door, f"{role}_door_shell", *boxes([(centre, half)]), rgba=[*rgb, 1], material=enamel)
    builder.mesh(door, f"{role}_door_handle", *boxes(handle), rgba=[0.75, 0.76, 0.78, 1], material=enamel)
    inner, deep = HALF_Y - 0.020, 0.035
    lining: list[Part] = [((0.001, -HALF_Y, HEIGHT / 2), (0.001, inner, HEIGHT / 2 - 0.015))]
    for z in (0.06, 0.33):  # racks
        lining += [((deep, -HALF_Y, z + 0.022), (0.002, inner, 0.022)), ((deep / 2, -HALF_Y, z), (deep / 2, inner, 0.002))]
        lining += [((deep / 2, -HALF_Y + s * inner, z + 0.022), (deep / 2, 0.002, 0.022)) for s in (-1, 1)]
    builder.mesh(door, f"{role}_door_lining", *boxes(lining), rgba=[*INNER, 1])
    felt(door, f"{role}_felt_racks", BOX, pos=(deep / 2, -HALF_Y, HEIGHT / 2), size=[deep / 2, inner, HEIGHT / 2 - 0.05])
    bottle = [(0, 0), (0.016, 0), (0.016, 0.085), (0.006, 0.115), (0.006, 0.135), (0, 0.135)]
    for colour, spots in (((0.20, 0.45, 0.22), ((-0.08, 0.062), (-0.25, 0.332))), ((0.88, 0.42, 0.10), ((-0.16, 0.062), (-0.10, 0.332)))):
        parts = []
        for y, z in spots:
            vertices, faces = lathe(bottle, 10)
            parts.append((vertices + [deep / 2, y, z], faces))
        builder.mesh(door, f"{role}_bottles_{round(100 * colour[0])}", *joined(*parts), rgba=[*colour, 1], material=builder.material("porcelain"))


def _fridge(name: str, colour: str, rgb: RGB) -> Kind:
    inside = Interior(DEPTH, HALF_Y, rim=HEIGHT, floor=WALL)
    return Kind(
        name, "refrigerator", "refrigerator", colour, "furniture", (0.35, 0.45, HEIGHT), 0.0, 0.0,
        lambda builder, body, role: _add(builder, body, role, rgb), inside,
    )  # fmt: skip


KINDS: tuple[Kind, ...] = (
    _fridge("white_fridge", "white", (0.92, 0.93, 0.94)),
    _fridge("mint_fridge", "green", (0.62, 0.83, 0.76)),
    _fridge("red_fridge", "red", (0.74, 0.13, 0.12)),
    _fridge("blue_fridge", "blue", (0.42, 0.62, 0.80)),
)

"""Soap: bars of several colours and shapes, long along x, and a low dish for one of them."""

from __future__ import annotations

import mujoco
import numpy as np

from envs.looks import COLLISION_GROUP, Builder
from envs.objects.kind import LOW_GRASP, Add, Interior, Kind
from envs.shapes import RGB, XYZ, Mesh, boxes, rounded

SOAP_FRICTION = (0.7, 0.01, 0.0002)  # sliding, torsional, rolling
DISH_HALF = (0.062, 0.047)  # m inside, along x and y
DISH_WALL, DISH_FLOOR, DISH_RIM = 0.006, 0.008, 0.026  # m


def _power(x: np.ndarray, exponent: float) -> np.ndarray:
    return np.sign(x) * np.abs(x) ** exponent


def _bar(half: XYZ, rgb: RGB, flat: float, edge: float) -> Add:
    """The bar, a shallow stamp on its top, and one box that is felt."""

    def add(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
        wax = builder.material("soap")
        rounds = builder.look.rounds
        builder.mesh(body, f"{role}_bar", *rounded(half, flat, edge, rounds), material=wax, rgba=[*rgb, 1])
        stamp = rounded((0.55 * half[0], 0.50 * half[1], 0.0015), flat, 2.0, rounds, (0, 0, half[2] - 0.0003))
        builder.mesh(body, f"{role}_stamp", *stamp, material=wax, rgba=[*(0.86 * c for c in rgb), 1])
        body.add_geom(
            name=f"{role}_felt_0", type=BOX, size=[0.88 * half[0], half[1], half[2]], mass=0.09, friction=SOAP_FRICTION, condim=4,
            group=COLLISION_GROUP,
        )  # fmt: skip

    return add


def _soap(name: str, phrase: str, colour: str, rgb: RGB, half: XYZ, flat: float = 2.6, edge: float = 3.5) -> Kind:
    return Kind(name, phrase, "soap", colour, "soap", half, half[2], LOW_GRASP, _bar(half, rgb, flat, edge), top=half[2])


def _add_dish(builder: Builder, body: mujoco.MjsBody, role: str) -> None:
    """A tray with ribs for the water to run off."""
    (hx, hy), t, h = DISH_HALF, DISH_WALL / 2, DISH_RIM / 2
    floor = ((0, 0, DISH_FLOOR / 2), (hx, hy, DISH_FLOOR / 2))
    walls = [((s * (hx + t), 0, h), (t, hy + DISH_WALL, h)) for s in (-1, 1)] + [((0, s * (hy + t), h), (hx, t, h)) for s in (-1, 1)]
    for i, (pos, half) in enumerate([floor, *walls]):
        body.add_geom(
            name=f"{role}_felt_{i}", type=BOX, pos=pos, size=half, group=COLLISION_GROUP, condim=3, friction=[0.6, 0.005, 0.0001],
        )  # fmt: skip
    glazed = builder.material("ceramic")
    builder.mesh(body, f"{role}_tray", *_tray(2 * builder.look.rounds), material=glazed, rgba=[*DISH, 1])
    ribs = [((0.022 * k, 0, DISH_FLOOR), (0.003, 0.8 * hy, 0.0008)) for k in (-2, -1, 0, 1, 2)]
    builder.mesh(body, f"{role}_ribs", *boxes(ribs), material=glazed, rgba=[*(0.8 * c for c in DISH), 1])


def _tray(rounds: int) -> Mesh:
    """The dish that is seen: walls with round corners, outside, rim and inside in one skin."""
    rows = [(0.006, 0.0, 0.0), (0.004, 0.001, 0.0), (DISH_WALL, DISH_RIM - 0.002, 0.0), (DISH_WALL - 0.002, DISH_RIM, 0.0)]
    rows += [(0.001, DISH_RIM, 0.0), (0.0, DISH_RIM - 0.002, 0.0), (-0.001, DISH_FLOOR, 0.0), (-0.03, DISH_FLOOR, 0.0)]
    u = 2 * np.pi * np.arange(rounds) / rounds
    outline = np.stack([_power(np.cos(u), 0.35), _power(np.sin(u), 0.35)], 1)
    points = [np.c_[outline * np.add(DISH_HALF, grow), np.full(rounds, z)] for grow, z, _ in rows]
    points = [np.c_[np.zeros((rounds, 2)), np.zeros(rounds)], *points, np.c_[np.zeros((rounds, 2)), np.full(rounds, DISH_FLOOR)]]
    i, k = np.meshgrid(np.arange(len(points) - 1), np.arange(rounds), indexing="ij")
    a, b = i * rounds + k, i * rounds + (k + 1) % rounds
    c, d = a + rounds, b + rounds
    faces = np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])
    return np.concatenate(points), faces


BOX = mujoco.mjtGeom.mjGEOM_BOX
DISH: RGB = (0.16, 0.38, 0.62)
KINDS: tuple[Kind, ...] = (
    _soap("white_soap", "white soap", "white", (0.97, 0.95, 0.88), (0.038, 0.024, 0.014)),
    _soap("green_soap", "green soap", "green", (0.52, 0.82, 0.45), (0.037, 0.023, 0.013), flat=6.0, edge=4.0),
    _soap("pink_soap", "pink soap", "pink", (0.98, 0.62, 0.72), (0.035, 0.025, 0.015), flat=2.0, edge=2.6),
    _soap("honey_soap", "honey-coloured soap", "honey-coloured", (0.93, 0.66, 0.22), (0.034, 0.024, 0.013), flat=8.0, edge=8.0),
    _soap("lavender_soap", "lavender soap", "lavender", (0.72, 0.62, 0.90), (0.037, 0.024, 0.014), flat=3.5, edge=3.0),
    Kind(
        "soap_dish", "soap box", "soap box", "blue", "container", (DISH_HALF[0] + DISH_WALL, DISH_HALF[1] + DISH_WALL, DISH_RIM), 0.0, 0.0,
        _add_dish, Interior(*DISH_HALF, rim=DISH_RIM, floor=DISH_FLOOR),
    ),
)  # fmt: skip

"""What breaks a policy: each shift departs from training in one factor, by how much is said here.

A trial under two shifts differs in that factor only: layout, kinds and the arm's start come from streams that do not know
the shift. `none` is as trained; `train` is a mild randomisation that training may use; the others never are trained on.
Where the things of shift=layout and shift=distractors go: envs/outside.py, envs/distractors.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.geometry import rotation_matrix
from envs.layout import Layout, sample_layout
from envs.looks import Builder, Look, Material
from envs.outside import outside
from envs.robot import ROBOT_ROOT
from envs.types import Region, Task, Trial

Rng = np.random.Generator
Vector = NDArray[np.float64]
Range = tuple[float, float]
Scenery = list[mujoco.MjsGeom]  # what has a texture and is neither a thing of the layout nor the robot: table, walls, floor
SAME: Range = (1.0, 1.0)


@dataclass(frozen=True)
class Light:
    """Factors of brightness for the lamps and for the light from everywhere (`fill`), and the lamps' colour temperature.

    `tilt`: degrees from the vertical at which the lamps shine, from any side; None = as the scene has them (22 in most).
    `sway`: degrees by which they are turned from there. `off`: one lamp is off.
    """

    name: str
    lamp: Range = SAME
    fill: Range = SAME
    kelvin: Range = (6500.0, 6500.0)
    tilt: Range | None = None
    sway: float = 0.0
    off: bool = False


@dataclass(frozen=True)
class Move:
    """How far a camera is displaced (m) and turned (degrees), in any direction."""

    metres: Range
    degrees: Range


# light: what a lab sees over a day and a year. One of these is drawn.
LIGHTS: tuple[Light, ...] = (
    Light("dim", lamp=(0.30, 0.50), fill=(0.45, 0.65), tilt=(25, 50)),
    Light("bright", lamp=(1.25, 1.5), fill=(1.1, 1.25), tilt=(25, 50)),
    Light("warm", kelvin=(2600, 3300), tilt=(25, 50)),
    Light("cold", kelvin=(10000, 15000), tilt=(25, 50)),
    Light("from one side", lamp=(1.5, 1.9), fill=(0.35, 0.50), tilt=(58, 70)),
    Light("a lamp off", fill=(0.8, 1.1), off=True),
)
# camera: somebody bumped the stand, beyond what calibration would find; the wrist's camera is bolted to the hand.
CAMERA = {"left": Move((0.03, 0.06), (3, 6)), "right": Move((0.03, 0.06), (3, 6)), "wrist": Move((0.004, 0.008), (1.5, 3))}
# texture: materials that no scene of training wears (tests/envs/test_shifts.py).
TABLES: dict[str, Material] = {
    "parquet": Material("wood-tiles", (1, 1.5), specular=0.2, shininess=0.3),
    "marble": Material("pink-plaster", specular=0.3, shininess=0.6),
    "green_wood": Material("green-wood", specular=0.2, shininess=0.3),
    "corrugated": Material("gray-woodgrain", specular=0.1, shininess=0.3),
    "zinc": Material("steel-scratched", specular=0.4, shininess=0.5),
}
WALLS: dict[str, Material] = {
    "bricks": Material("white-bricks", (4, 3), specular=0.0),
    "terracotta": Material("clay", (2, 2), specular=0.0),
    "sand": Material("yellow-plaster", (2, 2), specular=0.0),
}
FLOORS: dict[str, Material] = {
    "concrete": Material("gray-plaster", (4, 4), specular=0.1),
    "earth": Material("dirt", (6, 6), specular=0.0),
    "cork": Material("brass-ambra", (4, 4), specular=0.1),
}
# train: what stays after a careful set-up. Calibration leaves 1 cm and 1-2 degrees; the rest is a cloud before the sun.
TRAIN_LIGHT = Light("train", lamp=(0.85, 1.15), fill=(0.9, 1.1), kelvin=(5700, 7500), sway=10)
TRAIN_CAMERA = {"left": Move((0, 0.01), (0, 1.5)), "right": Move((0, 0.01), (0, 1.5)), "wrist": Move((0, 0.003), (0, 0.8))}
TINT: Range = (0.94, 1.0)  # factor of each colour of table, walls and floor
FRICTION: Range = (0.8, 1.2)  # factor of sliding friction, one for the fingers and one for everything else


def start_layout(trial: Trial, task: Task, default: Region) -> Layout:
    """The layout that a trial starts from; under shift=layout it lies just outside where training starts.

    Raises:
        LayoutError: as `sample_layout`; or nothing fits into the band.
    """
    layout = sample_layout(trial, task, default)
    return outside(trial, task, default, layout) if trial.shift == "layout" else layout


def instruction(trial: Trial, task: Task) -> str:
    """The instruction; under shift=paraphrase one of the wordings that training never says.

    Raises:
        ValueError: the task has no such wordings.
    """
    if trial.shift != "paraphrase":
        return task.instruction
    if not task.test_paraphrases:
        raise ValueError(f"task '{task.name}' has no test_paraphrases, which shift=paraphrase needs")
    return task.test_paraphrases[int(trial.rng("shift").integers(len(task.test_paraphrases)))]


def dress(spec: mujoco.MjSpec, trial: Trial, layout: Layout, look: Look) -> None:
    """Change light, cameras, surfaces and friction of a scene as the trial's shift says."""
    if trial.shift in DRESSINGS:
        things = {p.role for p in (*layout.objects, *layout.fixtures, *layout.distractors)}
        bodies = [b for b in spec.worldbody.bodies if b.name not in things and b.name != ROBOT_ROOT]
        textured = {m.name for m in spec.materials if m.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB]}
        scenery = [g for b in bodies for g in b.geoms if g.material in textured]
        DRESSINGS[trial.shift](spec, trial.rng("shift"), scenery, look)


def _train(spec: mujoco.MjSpec, rng: Rng, scenery: Scenery, look: Look) -> None:
    _set_light(spec, rng, TRAIN_LIGHT)
    _move_cameras(spec, rng, TRAIN_CAMERA)
    for name in sorted({g.material for g in scenery}):
        spec.material(name).rgba[:3] *= rng.uniform(*TINT, 3)
    fingers, others = rng.uniform(*FRICTION, 2)
    for geom in spec.geoms:
        geom.friction[0] *= fingers if geom.priority else others


def _light(spec: mujoco.MjSpec, rng: Rng, scenery: Scenery, look: Look) -> None:
    _set_light(spec, rng, LIGHTS[int(rng.integers(len(LIGHTS)))])


def _camera(spec: mujoco.MjSpec, rng: Rng, scenery: Scenery, look: Look) -> None:
    _move_cameras(spec, rng, CAMERA)


def _texture(spec: mujoco.MjSpec, rng: Rng, scenery: Scenery, look: Look) -> None:
    """Table, walls and floor in other materials; what stands on the table keeps its own."""
    builder = Builder(spec, look)
    table, wall, floor = (_pick(rng, materials) for materials in (TABLES, WALLS, FLOORS))
    for geom in scenery:
        # The table with what carries it, the floor, and whatever is as large as a wall; a tap or a mirror stays.
        if geom.parent.name == "table":
            name, material = table
        elif geom.type == mujoco.mjtGeom.mjGEOM_PLANE:
            name, material = floor
        elif geom.type == mujoco.mjtGeom.mjGEOM_BOX and geom.size.max() >= 0.8:
            name, material = wall
        else:
            continue
        geom.material = builder.wear(f"shift_{name}", material)


DRESSINGS: dict[str, Callable[[mujoco.MjSpec, Rng, Scenery, Look], None]] = {
    "train": _train, "light": _light, "camera": _camera, "texture": _texture
}  # fmt: skip


def _set_light(spec: mujoco.MjSpec, rng: Rng, light: Light) -> None:
    lamp, fill, kelvin, azimuth = rng.uniform(*light.lamp), rng.uniform(*light.fill), rng.uniform(*light.kelvin), rng.uniform(-np.pi, np.pi)
    colour, lamps = temperature(kelvin), list(spec.lights)
    for each in lamps:
        each.diffuse = each.diffuse * lamp * colour
        each.specular = each.specular * lamp * colour
        if each.type != mujoco.mjtLightType.mjLIGHT_DIRECTIONAL:
            continue  # it hangs somewhere and shines there
        if light.tilt:
            tilt = np.radians(rng.uniform(*light.tilt))
            each.dir = np.array([np.sin(tilt) * np.cos(azimuth), np.sin(tilt) * np.sin(azimuth), -np.cos(tilt)])
            each.pos = spec.stat.center - 1.6 * each.dir
        each.dir = rotation_matrix(np.radians(rng.uniform(0, light.sway)) * _direction(rng)) @ each.dir
    if light.off:
        spec.delete(lamps[int(rng.integers(len(lamps)))])
    head = spec.visual.headlight
    head.ambient, head.diffuse = head.ambient * fill * colour, head.diffuse * fill * colour


def temperature(kelvin: float) -> Vector:
    """(3,) RGB of a lamp's light relative to 6500 K, of luminance 1: half (in decades) is left over by the white balance."""
    # Black-body colours in sRGB after Tanner Helland's fit (2012).
    known = np.array([
        [2500, 1.00, 0.63, 0.28], [3500, 1.00, 0.77, 0.56], [5000, 1.00, 0.89, 0.81], [6500, 1.00, 1.00, 1.00],
        [9000, 0.82, 0.87, 1.00], [15000, 0.71, 0.80, 1.00],
    ])  # fmt: skip
    rgb = np.sqrt([np.interp(kelvin, known[:, 0], known[:, c]) for c in (1, 2, 3)])
    return rgb / (rgb @ [0.2126, 0.7152, 0.0722])


def _move_cameras(spec: mujoco.MjSpec, rng: Rng, moves: dict[str, Move]) -> None:
    """Displace and turn each camera; its field of view stays."""
    for name, move in moves.items():
        camera = spec.camera(name)
        camera.pos = camera.pos + rng.uniform(*move.metres) * _direction(rng)
        turn, turned = np.zeros(4), np.zeros(4)
        mujoco.mju_mat2Quat(turn, rotation_matrix(np.radians(rng.uniform(*move.degrees)) * _direction(rng)).ravel())
        mujoco.mju_mulQuat(turned, np.asarray(camera.quat, np.float64), turn)
        camera.quat = turned


def _pick(rng: Rng, materials: dict[str, Material]) -> tuple[str, Material]:
    return list(materials.items())[int(rng.integers(len(materials)))]


def _direction(rng: Rng) -> Vector:
    """(3,) a unit vector, any direction alike."""
    vector = rng.normal(size=3)
    return vector / np.linalg.norm(vector)

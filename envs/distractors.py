"""Things that have no part in the task, put where cameras see them and the hand has nothing to do, for shift=distractors."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.layout import DRAWS, LayoutError, Placed
from envs.objects import KINDS
from envs.robot import ROBOT_ROOT
from envs.skills.skill import FirstUnmet
from envs.types import Task, Trial
from envs.world import World

Vector = NDArray[np.float64]

DISTRACTORS = (2, 4)  # at least, at most
TOYS = ("animal", "block", "doll")  # "toys", to an instruction
FREE_STANDING = (*TOYS, "fruit", "food", "ball", "mug")  # categories
FREE_HEIGHT, FREE_RADIUS = 0.11, 0.07  # m; a hand that carries passes above
KEEP, KEEP_DOOR = 0.07, 0.15  # m, free around things, and around what has a door or a drawer (in both its ends)
APART = 0.11  # m between the middles of distractors
EDGE = 0.05  # m from the edge of the table
FRAME = 0.92  # share of the half picture within which a distractor lies


def distractors(trial: Trial, task: Task, world: World) -> tuple[Placed, ...]:
    """Things that the task does not mention, where both fixed cameras see them and the hand has nothing to do.

    `world`: the trial's scene without them. Fewer than DISTRACTORS where the table is full.

    Raises:
        LayoutError: there is no room for one.
    """
    rng = trial.rng("shift")
    kinds = _strangers(task, world)
    names = [kinds[int(i)] for i in rng.permutation(len(kinds))[: int(rng.integers(DISTRACTORS[0], DISTRACTORS[1] + 1))]]
    taken, (low, high) = _taken(task, world), _table_top(world)
    found: list[Placed] = []
    for _ in range(DRAWS):
        if len(found) == len(names):
            break
        kind = KINDS[names[len(found)]]
        pos, yaw = rng.uniform(low + EDGE, high - EDGE), float(rng.uniform(-np.pi, np.pi))
        radius = max(kind.half_extents[:2])
        if (
            _seen(world, np.r_[pos, kind.rest_height])
            and all(np.maximum(a - pos, pos - b).max() > radius for a, b in taken)
            and all(np.hypot(*(pos - q.pos)) > APART for q in found)
        ):
            found.append(Placed(f"distractor_{len(found)}", kind.name, (float(pos[0]), float(pos[1])), yaw))
    if not found:
        raise LayoutError(f"no room for a distractor in {trial}")
    return tuple(found)


def _strangers(task: Task, world: World) -> list[str]:
    """Kinds that nobody could take for a thing of the task."""
    known = [KINDS[n] for group in (*task.objects, *task.fixtures) for n in (*group.kinds, *group.test_kinds)]
    nouns, categories = {k.noun for k in known}, {k.category for k in known}
    barred = set(TOYS) if categories & set(TOYS) else set()
    small = [
        k for k in KINDS.values()
        if k.category in FREE_STANDING and k.rest_height + k.half_extents[2] < FREE_HEIGHT and max(k.half_extents[:2]) < FREE_RADIUS
    ]  # fmt: skip
    strange = [k.name for k in small if k.noun not in nouns and k.category not in barred]
    present = {world.kind(role).name for role in world.roles}
    return strange or [k.name for k in small if k.name not in present]


def _taken(task: Task, world: World) -> list[tuple[Vector, Vector]]:
    """Rectangles (low, high) (2,) m that things stand in, doors and drawers pass through, and things are brought to."""
    model, data = world.model, mujoco.MjData(world.model)
    taken: list[tuple[Vector, Vector]] = []
    for end in (None, 0, 1):
        data.qpos[:] = world.data.qpos
        doors = [j for j in range(model.njnt) if _root(model, model.jnt_bodyid[j]) in world.fixtures and model.jnt_limited[j]]
        if end is not None:
            for joint in doors:
                data.qpos[model.jnt_qposadr[joint]] = model.jnt_range[joint, end]
        mujoco.mj_forward(model, data)
        hinged = {_root(model, model.jnt_bodyid[j]) for j in doors}
        for geom in range(model.ngeom):
            root, (low, high) = _root(model, model.geom_bodyid[geom]), _box(model, data, geom)
            if root != ROBOT_ROOT and high[2] > 0.003 and low[2] < 0.5:
                keep = KEEP_DOOR if root in hinged else KEEP
                taken.append((low[:2] - keep, high[:2] + keep))
    for role in world.roles:  # cloth has no geoms
        reach = max(world.kind(role).half_extents[:2]) + KEEP
        taken.append((world.pos(role)[:2] - reach, world.pos(role)[:2] + reach))
    for step in task.steps:
        for skill in step.skill.skills if isinstance(step.skill, FirstUnmet) else (step.skill,):
            goal, reach = skill.target(world)[:2], KEEP + 0.05
            taken.append((goal - reach, goal + reach))
    return taken


def _table_top(world: World) -> tuple[Vector, Vector]:
    """(2,) m lowest and highest corner of the table's top."""
    geom = world.model.geom("table").id
    low, high = _box(world.model, world.data, geom)
    return low[:2], high[:2]


def _box(model: mujoco.MjModel, data: mujoco.MjData, geom: int) -> tuple[Vector, Vector]:
    """(3,) m lowest and highest corner of a box around the geom."""
    if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_PLANE:
        return data.geom_xpos[geom] - [9, 9, 0], data.geom_xpos[geom] + [9, 9, 0]
    mat = data.geom_xmat[geom].reshape(3, 3)
    centre, half = data.geom_xpos[geom] + mat @ model.geom_aabb[geom, :3], np.abs(mat) @ model.geom_aabb[geom, 3:]
    return centre - half, centre + half


def _seen(world: World, point: Vector) -> bool:
    """Whether a point lies well within the pictures of both fixed cameras."""
    for name in ("left", "right"):
        camera = world.model.camera(name).id
        x, y, z = world.data.cam_xmat[camera].reshape(3, 3).T @ (point - world.data.cam_xpos[camera])
        half = np.tan(np.radians(world.model.cam_fovy[camera]) / 2) * -z * FRAME
        if z > -0.1 or abs(y) > half or abs(x) > half * 4 / 3:
            return False
    return True


def _root(model: mujoco.MjModel, body: int) -> str:
    return model.body(model.body_rootid[body]).name

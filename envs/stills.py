"""Made-up scenes without motion: things anywhere, some put away already, perhaps one in the hand, the arm anywhere.

They teach where things are: 6,000 of them took a policy's error on unseen layouts from 2.1 to 1.3 cm, at a tenth of an
episode's price (research/policy_probe.md). One compiled model serves many scenes: only positions change, because a new
model costs a new OpenGL context (0.4 s).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.capture import take
from envs.geometry import yaw_quat
from envs.ik import IK
from envs.layout import Layout, Placed, rearranged
from envs.robot import GRIPPER_JOINT, GRIPPER_MAX, HOME_QPOS
from envs.scenes.scene import pose
from envs.sim_env import SimEnv
from envs.skills.pick_place import SLOT, PickPlace
from envs.skills.skill import DOWN, FirstUnmet
from envs.snapshots import Snapshot
from envs.types import Task, Trial

Vector = NDArray[np.float64]
Rng = np.random.Generator

TABLE_LOW, TABLE_HIGH = np.array([0.36, -0.20]), np.array([0.72, 0.20])  # m, a little more than trials use
TOY_GAP = 0.075  # m between centres; trials keep more, but a run of the task need not
ARM_LOW, ARM_HIGH = np.array([0.36, -0.38, 0.03]), np.array([0.70, 0.38, 0.40])  # m
ARM_YAW, ARM_TILT = 0.25, 0.08  # rad, +-
IN_OWN, IN_OTHER = 0.35, 0.04  # share of toys that lie in their container, in the other
SORTED, HELD = 0.08, 0.25  # share of scenes with everything sorted, with a held toy
ABOVE_TOY, ABOVE_CONTAINER = 0.4, 0.15  # share of arm poses
OPEN, CLOSED = 0.55, 0.15  # share of gripper openings; the rest is between
FLOOR = 0.004  # m, a container's bottom
MAX_DEPTH = 0.002  # m that bodies may overlap, except the held toy with the fingers
IK_TOLERANCE = 0.004  # m
DRAWS = 400


@dataclass(frozen=True)
class _Thing:
    role: str
    pos: Vector  # (3,) m, of its body
    quat: Vector  # (4,) wxyz
    free: bool  # where a hand may take it: not in a container


def stills(env: SimEnv, trial: Trial, count: int) -> Iterator[Snapshot]:
    """`count` scenes with the kinds of toys of this trial, in its split."""
    env.reset(options={"trial": trial})
    for number, held in enumerate(arrangements(env, trial, count)):
        name = f"{env.task.name}_{trial.split}_still_{trial.seed}_{trial.index:05d}_{number:03d}"
        yield take(env, env.observe(), name, True, seed=trial.seed, trial=trial.index, held=held)


def arrangements(env: SimEnv, trial: Trial, count: int) -> Iterator[str | None]:
    """Puts everything somewhere else `count` times, from the start of `trial`; each time the role of what is held."""
    rng, ik = trial.rng("stills"), IK()
    for _ in range(count):
        yield _arrange(env, ik, rng)


def _arrange(env: SimEnv, ik: IK, rng: Rng) -> str | None:
    """Put everything somewhere, until nothing overlaps; returns the held thing's role."""
    for _ in range(DRAWS):
        things = _draw_toys(env, rng) if _sorts(env.task) else _draw_things(env, rng)
        if things is None:
            continue
        held = next((t for t in things if t.free), None) if rng.random() < HELD else None
        joint_pos, reached = _draw_arm(env, ik, [t for t in things if t is not held], rng)
        if not reached:
            continue
        for thing in things:
            _place(env, thing.role, thing.pos, thing.quat)
        _move_joints(env, rng)
        if held is None:
            _set_gripper(env, _draw_gripper(rng))
            env.set_arm(joint_pos)
        elif not _hold(env, held.role, joint_pos, rng):
            continue
        role = held.role if held else None
        if _overlap(env, role) < MAX_DEPTH and env.world.held() == role:
            return role
    raise RuntimeError(f"no arrangement without overlaps in {DRAWS} draws for {env.trial}")


def _sorts(task: Task) -> bool:
    """Whether the task is about putting toys into containers, so that any of them may lie in any."""
    skills = [s.skill.skills for s in task.steps if isinstance(s.skill, FirstUnmet)]
    return len(skills) == len(task.steps) and all(isinstance(s, PickPlace) for group in skills for s in group)


def _draw_things(env: SimEnv, rng: Rng) -> list[_Thing] | None:
    """Everything at a new place of its region; None when it does not fit or is of the other split."""
    layout = rearranged(rng, env.layout, env.task, env.scene.region)
    if layout is None or layout.is_test != (env.trial.split == "test"):
        return None
    fixed = {r for g in env.task.objects if any(region.fixed for region in g.regions) for r in g.roles}
    # Cloth stays where it hangs: it has no joint to put it somewhere with.
    things = [_Thing(p.role, *pose(p), p.role not in fixed) for p in layout.objects if not env.world.kind(p.role).cloth]
    return [things[i] for i in rng.permutation(len(things))]


def _draw_toys(env: SimEnv, rng: Rng) -> list[_Thing] | None:
    """Toys in random order: free ones on the table, others in a container; None when they do not fit or split."""
    world, used, toys = env.world, dict.fromkeys(env.world.containers, 0), []
    in_own = 1.0 if rng.random() < SORTED else IN_OWN
    for role in rng.permutation(world.roles).tolist():
        kind, own = world.kind(role), _own_container(env, role)
        other = next((c for c in world.containers if c != own), None)
        draw = rng.random()
        container = own if draw < in_own else other if draw < in_own + IN_OTHER else None
        if container and used[container] < 2:
            slot = (SLOT, -SLOT)[used[container]] + rng.uniform(-0.008, 0.008)
            used[container] += 1
            pos = world.pos(container) + np.array([slot, rng.uniform(-0.03, 0.03), FLOOR + kind.rest_height])
            toys.append(_Thing(role, pos, yaw_quat(rng.uniform(-0.5, 0.5)), False))
        else:
            pos = np.r_[rng.uniform(TABLE_LOW, TABLE_HIGH), kind.rest_height]
            if any(np.linalg.norm((pos - t.pos)[:2]) < TOY_GAP for t in toys):
                return None
            toys.append(_Thing(role, pos, yaw_quat(rng.uniform(-np.pi, np.pi)), True))
    placed = tuple(Placed(t.role, world.kind(t.role).name, (float(t.pos[0]), float(t.pos[1]))) for t in toys)
    right_split = Layout(placed).is_test == (env.trial.split == "test")
    return toys if right_split else None


def _draw_arm(env: SimEnv, ik: IK, toys: list[_Thing], rng: Rng) -> tuple[Vector, bool]:
    """Joints (7,) rad of a random pose, and whether the arm reaches it."""
    draw = rng.random()
    free = [t for t in toys if t.free]
    if draw < ABOVE_TOY and free:
        toy = free[int(rng.integers(len(free)))]
        kind = env.world.kind(toy.role)
        height = toy.pos[2] - kind.rest_height + kind.grasp_height + max(0.0, rng.uniform(-0.03, 0.11))
        pos = np.r_[toy.pos[:2] + rng.normal(0, 0.012, 2), height]
    elif draw < ABOVE_TOY + ABOVE_CONTAINER and env.world.containers:
        container = env.world.containers[int(rng.integers(len(env.world.containers)))]
        pos = env.world.pos(container) + np.r_[rng.uniform(-0.06, 0.06, 2), rng.uniform(0.11, 0.20)]
    else:
        pos = rng.uniform(ARM_LOW, ARM_HIGH)
    mat = _turn(rng.uniform(-ARM_YAW, ARM_YAW), *rng.uniform(-ARM_TILT, ARM_TILT, 2)) @ DOWN
    joint_pos = ik.solve(HOME_QPOS, pos, mat, 60)
    return joint_pos, float(np.linalg.norm(ik.pose(joint_pos)[0] - pos)) < IK_TOLERANCE


def _draw_gripper(rng: Rng) -> float:
    draw = rng.random()
    return 0.0 if draw < OPEN else 1.0 if draw < OPEN + CLOSED else float(rng.uniform())


def _hold(env: SimEnv, role: str, joint_pos: Vector, rng: Rng) -> bool:
    """Put the toy between the fingers and close them until both touch; False when they cannot."""
    kind = env.world.kind(role)
    _set_gripper(env, 0.0)
    env.set_arm(joint_pos)
    below = env.world.ee_pos - [0, 0, kind.grasp_height - kind.rest_height + rng.uniform(-0.004, 0.004)]
    if below[2] < kind.rest_height:
        return False
    _place(env, role, below + env.world.ee_mat[:, 0] * rng.uniform(-0.006, 0.006), yaw_quat(rng.uniform(-0.2, 0.2)))
    for closed in np.arange(0.2, 1.0, 0.0125):
        _set_gripper(env, float(closed))
        env.set_arm(joint_pos)
        if env.world.holding(role):
            return True
    return False


def _set_gripper(env: SimEnv, closed: float) -> None:
    """Set the knuckle and every joint that an equality ties to it; `set_arm` then updates the rest."""
    model, data = env.model, env.data
    knuckle = model.joint(GRIPPER_JOINT)
    data.qpos[knuckle.qposadr[0]] = closed * GRIPPER_MAX
    for e in np.flatnonzero(model.eq_type == mujoco.mjtEq.mjEQ_JOINT):
        if model.eq_obj2id[e] == knuckle.id:
            offset, factor = model.eq_data[e, :2]
            data.qpos[model.jnt_qposadr[model.eq_obj1id[e]]] = offset + factor * closed * GRIPPER_MAX


def _place(env: SimEnv, role: str, pos: Vector, quat: Vector) -> None:
    joint = env.data.joint(role)
    joint.qpos[:], joint.qvel[:] = [*pos, *quat], 0


def _move_joints(env: SimEnv, rng: Rng) -> None:
    """Doors and drawers somewhere on their way, half of the time at one of its ends."""
    model = env.model
    for joint in range(model.njnt):
        root = model.body(model.body_rootid[model.jnt_bodyid[joint]]).name
        if root in env.world.fixtures and model.jnt_limited[joint]:
            share = float(rng.integers(2)) if rng.random() < 0.5 else rng.random()
            low, high = model.jnt_range[joint]
            env.data.qpos[model.jnt_qposadr[joint]] = low + share * (high - low)


def _overlap(env: SimEnv, held: str | None) -> float:
    """The deepest overlap, m, of bodies of which the held toy is none."""
    contact, root = env.data.contact, env.model.body_rootid
    if not env.data.ncon:
        return 0.0
    bodies = env.model.geom_bodyid[contact.geom]
    depth = -np.asarray(contact.dist)
    if held is not None:
        gripped = (root[bodies] == env.model.body(held).id).any(1) & (root[bodies] == root[env.model.body("robot").id]).any(1)
        depth = depth[~gripped]
    return float(depth.max(initial=0.0))


def _own_container(env: SimEnv, role: str) -> str:
    """Where the task wants this toy."""
    return next(s.goal for step in env.task.steps for s in step.skill.skills if s.object == role)


def _turn(yaw: float, roll: float, pitch: float) -> Vector:
    quat, matrix = np.zeros(4), np.zeros(9)
    mujoco.mju_euler2Quat(quat, np.array([yaw, pitch, roll]), "zyx")
    mujoco.mju_quat2Mat(matrix, quat)
    return matrix.reshape(3, 3)

"""Moments of a simulated scene to ask about: made-up arrangements, and the expert's run stopped at random times.

A moment is in the split of its trial's layout; no moment is a frame of a recorded episode.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.capture import objects
from envs.expert import act
from envs.objects import KINDS
from envs.questions import looks
from envs.sim_env import SimEnv
from envs.stills import arrangements
from envs.tasks import TASKS
from envs.types import CAMERAS, Trial
from envs.vqa.facts import Camera, Facts, Thing, View

FINAL = 0.25  # share of the expert's moments that show the end of its run
LIMIT_S = 60.0  # of an expert's run


@dataclass(frozen=True)
class Moment:
    """images (240, 320, 3) and segmentations (240, 320) uint8 by camera, what is true, and how much of each thing is seen.

    `scene`: its name; moments of one layout have different ones only if things were moved between them.
    """

    scene: str
    images: Mapping[str, NDArray[np.uint8]]
    segmentation: Mapping[str, NDArray[np.uint8]]
    shares: Mapping[str, Mapping[str, float]]
    facts: Facts

    def view(self, camera: str) -> View:
        """The moment through one camera."""
        names = [*(t.role for t in self.facts.things), "robot"]
        segmentation = self.segmentation[camera]
        return View(self.facts, camera, segmentation, looks(segmentation, names), self.shares[camera])


def made_up(env: SimEnv, trial: Trial, count: int) -> Iterator[Moment]:
    """Arrangements as in `envs.stills`, each a scene of its own."""
    env.reset(options={"trial": trial})
    for number, _ in enumerate(arrangements(env, trial, count)):
        yield capture(env, f"{_name(trial)}/made_up_{number}")


def expert_run(env: SimEnv, trial: Trial, count: int) -> list[Moment]:
    """`count` moments of the expert's run of this trial; all are one scene.

    Raises:
        RuntimeError: the expert did not finish in time, which would leave no end to show.
    """
    cameras, env.cameras = env.cameras, False
    env.reset(options={"trial": trial})
    states: list[tuple[NDArray[np.float64], int, int]] = []  # physics, steps done, sentences done
    said: list[str] = []
    while not env.terminated:
        action, reasoning, _ = act(env)
        if not said or said[-1] != reasoning:
            said.append(reasoning)
        states.append((env.full_state(), env.steps_done, len(said) - 1))
        if len(states) > LIMIT_S * env.metadata["render_fps"]:
            raise RuntimeError(f"the expert did not finish {trial} in {LIMIT_S:.0f} s")
        env.advance(action)
    states.append((env.full_state(), env.steps_done, len(said)))
    env.cameras = cameras
    rng = trial.rng("moments")
    chosen = [len(states) - 1 if rng.random() < FINAL else int(rng.integers(len(states))) for _ in range(count)]
    return [_restored(env, states[i], said, _name(trial)) for i in sorted(set(chosen))]


def capture(env: SimEnv, scene: str, said: tuple[str, ...] = (), done: int = 0) -> Moment:
    """The present moment; renders every camera, and each thing alone."""
    segmentation, world = env.segmentation(), env.world
    roles = (*world.roles, *world.fixtures)
    alone = env.pixels_alone(roles)
    shares = {
        c: {r: float((segmentation[c] == i + 1).sum()) / max(int(alone[c][i]), 1) for i, r in enumerate(roles)} for c in CAMERAS
    }
    return Moment(scene, env.observe()["pixels"], segmentation, shares, _facts(env, said, done))


@cache
def kinds(scene: str) -> tuple[Thing, ...]:
    """Every kind that may lie about in this room, and what boards and cards may say; one of each phrase and text.

    Furniture is not among them: rooms have pots, jars and bottles of their own, so that none can be said to be absent.
    """
    tasks = [task for task in TASKS.values() if task.scene == scene]
    names = [n for t in tasks for group in (*t.objects, *(f for f in t.fixtures if f.name == "board")) for n in (*group.kinds, *group.test_kinds)]
    found = {(k.phrase, k.text): Thing(k.name, k.phrase, k.noun, k.colour, k.category, text=k.text) for k in map(KINDS.__getitem__, names)}
    return tuple(k for k in found.values() if not k.phrase.startswith("other "))


def _facts(env: SimEnv, said: tuple[str, ...], done: int) -> Facts:
    world = env.world
    _, reasoning, skill = act(env)
    things = tuple(
        Thing(
            o["kind"], o["phrase"], o["noun"], o["colour"], o["category"], o["role"], _place(env, o), tuple(o["pos"]), o["fixed"],
            "on" if o["category"] == "plate" else o["holds"], world.kind(o["role"]).text, _travel(env, o["role"]),
        )
        for o in objects(world)
    )  # fmt: skip
    targets = tuple(r for r in (skill.object, skill.goal) if r in {t.role for t in things}) if skill else ()
    region = env.scene.region
    return Facts(
        things, kinds(env.task.scene), world.gripper_closed, env.instruction, reasoning, env.told(env.task.finished), targets,
        said, done, (region.x, region.y), {c: _camera(env, c) for c in CAMERAS},
    )  # fmt: skip


def _place(env: SimEnv, thing: dict[str, Any]) -> str:
    """As `envs.capture` has it; empty for what lies nowhere: it moves through the air, or is about to be let go."""
    role, world = thing["role"], env.world
    moves = not thing["fixed"] and thing["place"] == "table" and not world.kind(role).cloth
    return "" if moves and not world.bearers(role) and world.beneath(role) is None else thing["place"]


def _travel(env: SimEnv, role: str) -> float | None:
    """How far the fixture's drawer or door is open, 0 - 1."""
    model, root = env.model, env.model.body(role).id
    joints = [j for j in range(model.njnt) if model.body_rootid[model.jnt_bodyid[j]] == root and model.jnt_limited[j]]
    return env.world.travel(model.joint(joints[0]).name) if joints else None


def _camera(env: SimEnv, name: str) -> Camera:
    camera = env.model.camera(name).id
    return Camera(env.data.cam_xpos[camera].copy(), env.data.cam_xmat[camera].reshape(3, 3).copy(), float(env.model.cam_fovy[camera]))


def _restored(env: SimEnv, state: tuple[NDArray[np.float64], int, int], said: list[str], scene: str) -> Moment:
    physics, env.steps_done, done = state
    env.set_full_state(physics)
    return capture(env, scene, tuple(said), done)


def _name(trial: Trial) -> str:
    return f"{trial.env}_{trial.split}_{trial.seed}_{trial.index:04d}"

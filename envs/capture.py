"""Takes snapshots of the simulator: pictures, segmentation, what lies where, what the expert would do."""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.expert import act
from envs.imaging import halve, halve_labels
from envs.objects import toys
from envs.questions import Toy
from envs.sim_env import SimEnv
from envs.snapshots import Snapshot
from envs.types import CAMERAS, Observation
from envs.world import World


def kind_words() -> tuple[Toy, ...]:
    """Every kind of toy, in words."""
    return tuple(Toy(k.name, k.phrase, k.noun, k.colour, k.category) for k in toys.KINDS)


def take(env: SimEnv, observation: Observation, name: str, static: bool, **origin: Any) -> Snapshot:
    """The present moment, which `observation` shows; `origin` goes into the record."""
    action, reasoning, skill = act(env)
    segmentation = env.segmentation()
    record = {
        "id": name, "env": env.task.name, "split": env.trial.split, "static": static, "objects": objects(env.world),
        "reasoning": reasoning, "target": [skill.object, skill.goal] if skill else None, **origin,
    }  # fmt: skip
    return Snapshot(
        np.stack([halve(observation["pixels"][c]) for c in CAMERAS]),
        np.stack([halve_labels(segmentation[c]) for c in CAMERAS]),
        observation["agent_pos"],
        action,
        record,
    )


def objects(world: World) -> list[dict[str, Any]]:
    """Objects, then fixtures: role, kind, phrase, noun, colour, category, pos (m, base frame), place."""
    found = []
    for role in world.roles:
        kind = world.kind(role)
        words = {"phrase": kind.phrase, "noun": kind.noun, "colour": kind.colour, "category": kind.category}
        found.append({"role": role, "kind": kind.name, **words, "pos": _rounded(world, role), "place": place(world, role)})
    for name in world.fixtures:
        kind = world.kind(name)
        words = {"phrase": kind.phrase, "noun": kind.noun, "colour": kind.colour, "category": kind.category}
        found.append({"role": name, "kind": kind.name, **words, "pos": _rounded(world, name), "place": "table"})
    return found


def place(world: World, role: str) -> str:
    """`gripper`, the container's name, or `table`."""
    if world.holding(role):
        return "gripper"
    return next((c for c in world.containers if world.inside(role, c)), "table")


def _rounded(world: World, name: str) -> list[float]:
    return [round(float(x), 4) for x in world.pos(name)]

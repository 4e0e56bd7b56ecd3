"""Takes snapshots of the simulator: pictures, segmentation, what lies where, what the expert would do."""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.expert import act, sub_task
from envs.imaging import halve, halve_labels
from envs.objects import KINDS
from envs.questions import Toy
from envs.sim_env import SimEnv
from envs.snapshots import Snapshot
from envs.types import CAMERAS, Observation, Task
from envs.world import World


def kind_words(task: Task) -> tuple[Toy, ...]:
    """Every kind of thing that may lie about in the task, in words."""
    names = dict.fromkeys(n for group in task.objects for n in (*group.kinds, *group.test_kinds))
    return tuple(Toy(k.name, k.phrase, k.noun, k.colour, k.category) for k in (KINDS[n] for n in names))


def take(env: SimEnv, observation: Observation, name: str, static: bool, **origin: Any) -> Snapshot:
    """The present moment, which `observation` shows; `origin` goes into the record."""
    action, reasoning, skill = act(env)
    segmentation = env.segmentation()
    record = {
        "id": name, "env": env.task.name, "split": env.trial.split, "static": static, "objects": objects(env.world),
        "told": sub_task(env), "reasoning": reasoning, "target": [skill.object, skill.goal] if skill else None, **origin,
    }  # fmt: skip
    return Snapshot(
        np.stack([halve(observation["pixels"][c]) for c in CAMERAS]),
        np.stack([halve_labels(segmentation[c]) for c in CAMERAS]),
        observation["agent_pos"],
        action,
        record,
    )


def objects(world: World) -> list[dict[str, Any]]:
    """Objects, then fixtures: role, kind, phrase, noun, colour, category, pos (m, base frame), place, fixed, holds.

    `holds`: "in" or "on", how a thing lies that lies there.
    """
    return [
        {
            "role": role, "kind": kind.name, "phrase": kind.phrase, "noun": kind.noun, "colour": kind.colour,
            "category": kind.category, "pos": [round(float(x), 4) for x in world.pos(role)], "place": place(world, role),
            "fixed": role in world.fixtures, "holds": "in" if kind.interior else "on",
        }
        for role, kind in ((r, world.kind(r)) for r in (*world.roles, *world.fixtures))
    ]  # fmt: skip


def place(world: World, role: str) -> str:
    """`gripper`, the phrase of the container or of the thing that it lies on, or `table`."""
    if role in world.fixtures:
        return "table"
    if world.holding(role):
        return "gripper"
    container = next((c for c in world.containers if world.inside(role, c)), None)
    things = (*world.roles, *world.fixtures)
    support = container or next((b for b in sorted(world.bearers(role)) if b in things), None)
    if support is None and not world.bearers(role) and (below := world.beneath(role)) in things:
        support = below
    return world.phrase(support) if support else "table"

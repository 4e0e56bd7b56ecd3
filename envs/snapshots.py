"""Snapshots: one moment of a scene with everything that is true of it, in shards that appear whole or not at all.

A shard is `snapshots_NAME.npz` (arrays, one row a snapshot: images (n, 3, 120, 160, 3), segmentation (n, 3, 120, 160)
uint8, agent_pos (n, 17), action (n, 10) float32) and `snapshots_NAME.jsonl` (one line a snapshot, see `Snapshot.record`).
In a segmentation, i + 1 stands for `objects[i]`, the number after the last object for the robot, 0 for anything else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.questions import Facts, Toy

ARRAYS = ("images", "segmentation", "agent_pos", "action")


@dataclass(frozen=True)
class Snapshot:
    """images (3, 120, 160, 3) and segmentation (3, 120, 160) uint8 in the order of `CAMERAS`; agent_pos (17,); action
    (10,): what the expert would do now.

    `record`: id, split, static (no motion: a made-up scene), objects (movable ones, then fixtures: role, kind, phrase, noun,
    colour, category, pos m, place, fixed, holds), told (the sub-task that a planner would name, or None), reasoning, target ([role,
    container] or None), and where it comes from.
    """

    images: NDArray[np.uint8]
    segmentation: NDArray[np.uint8]
    agent_pos: NDArray[np.float32]
    action: NDArray[np.float32]
    record: Mapping[str, Any]


def shard_file(folder: Path, name: str) -> Path:
    """The arrays of one shard; its lines lie beside it."""
    return folder / f"snapshots_{name}.npz"


def write_shard(folder: Path, name: str, snapshots: Sequence[Snapshot]) -> None:
    """Write one shard; the .npz is renamed into place last, so a shard exists when it does."""
    if not snapshots:
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = shard_file(folder, name)
    lines, arrays = folder / f".{name}.jsonl.tmp", folder / f".{name}.tmp.npz"
    lines.write_text("".join(json.dumps(dict(s.record)) + "\n" for s in snapshots))
    np.savez(arrays, **{key: np.stack([getattr(s, key) for s in snapshots]) for key in ARRAYS})
    os.replace(lines, path.with_suffix(".jsonl"))
    os.replace(arrays, path)


def read_snapshots(folder: Path) -> Iterator[Snapshot]:
    """Every snapshot of a folder, shard by shard in the order of their names."""
    for path in sorted(folder.glob("snapshots_*.npz")):
        lines = path.with_suffix(".jsonl").read_text().splitlines()
        with np.load(path) as file:
            arrays = [file[key] for key in ARRAYS]
        if len(lines) != len(arrays[0]):
            raise ValueError(f"{path} has {len(arrays[0])} snapshots and {len(lines)} lines; delete both files and collect again")
        for i, line in enumerate(lines):
            yield Snapshot(**{key: a[i] for key, a in zip(ARRAYS, arrays, strict=True)}, record=json.loads(line))


def facts(record: Mapping[str, Any], kinds: Iterable[Toy]) -> Facts:
    """What a snapshot's line says, for `envs.questions.ask`."""
    objects = record["objects"]
    toys = tuple(
        Toy(o["kind"], o["phrase"], o["noun"], o["colour"], o["category"], o["role"], o["place"])
        for o in objects
        if not o["fixed"]
    )
    # A thing that others lie in or on; fixtures that hold nothing in particular are no places to ask about.
    lain_on = {o["place"] for o in objects}
    places = {"table": "on"} | {o["phrase"]: o["holds"] for o in objects if o["holds"] == "in" or o["phrase"] in lain_on}
    return Facts(toys, tuple(kinds), record["reasoning"], record["target"][0] if record["target"] else None, places)


def segment_names(record: Mapping[str, Any]) -> tuple[str, ...]:
    """What the segmentation's values 1, 2, ... stand for."""
    return (*(o["role"] for o in record["objects"]), "robot")

"""Stills with segmentation that `stage=collect` made up or took from episodes: what lies where, in words and metres."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from envs.types import CAMERAS, HORIZON, Observation
from policy.collate import ControlRow, Reference
from policy.image_words import Named, Segmented, named
from policy.recorded import Data, existing, folders


@dataclass(frozen=True)
class Snapshots:
    """Stills of `snapshots/snapshots_*.npz` with their lines in the `.jsonl` of the same name, of one task or of several."""

    data: Data
    split: str = "train"

    @cached_property
    def records(self) -> list[dict]:
        """One per still of the split, with `shard` (its file), `row` in it and `task` (which of them) added."""
        return [record for task, folder in enumerate(folders(self.data)) for record in _records(folder, self.split, task)]

    @cached_property
    def index(self) -> dict[str, int]:
        """Id of a still -> its place in `records`."""
        return {r["id"]: i for i, r in enumerate(self.records)}

    @cached_property
    def shards(self) -> dict[str, dict[str, NDArray]]:
        """Shard -> its arrays, memory-mapped (unpacked beside the file at first use)."""
        return {name: _mapped(Path(name)) for name in sorted({r["shard"] for r in self.records})}

    def __len__(self) -> int:
        return len(self.records)

    def array(self, index: int, name: str) -> NDArray:
        """`images` (3, H, W, 3), `segmentation` (3, H, W), `agent_pos` (17,) or `action` (10,) of a still."""
        record = self.records[index]
        return np.asarray(self.shards[record["shard"]][name][record["row"]])

    def scene(self, index: int, camera: int) -> Segmented:
        """What lies where in one camera's picture."""
        return Segmented(self.array(index, "segmentation")[camera], named(self.records[index]["objects"]))

    def references(self, index: int) -> list[Reference]:
        """A text for each thing that can be carried and each other thing that it could be put in or on, unless the text is the
        still's own reasoning or could mean two things. Not only containers are goals: a third of the tasks have none."""
        record = self.records[index]
        objects = {o["role"]: o for o in record["objects"]}
        named_once = Counter(o["phrase"] for o in objects.values())
        plain = [role for role, o in objects.items() if named_once[o["phrase"]] == 1]
        found = [
            Reference(place_text(objects[role], objects[goal]), _target_pos(objects, role, goal))
            for role in plain
            for goal in plain
            if role != goal and not objects[role]["fixed"]
        ]
        return [r for r in found if r.text != record["reasoning"]]

    def observation(self, index: int) -> Observation:
        """What a policy would be shown of the still."""
        return {"pixels": dict(zip(CAMERAS, self.array(index, "images"), strict=True)), "agent_pos": self.array(index, "agent_pos")}

    def told(self, index: int) -> str | None:
        """The sub-task that a planner would name; None in a task without a planner."""
        return self.records[index].get("told")

    def due(self, index: int) -> Named:
        """The thing to be moved in a still that has a target."""
        record = self.records[index]
        return named(record["objects"])[[o["role"] for o in record["objects"]].index(record["target"][0])]

    def target_pos(self, index: int) -> NDArray[np.float32] | None:
        """(6,) m, base frame: the still's object and its goal; None where it has no target, or the table is one of them."""
        record = self.records[index]
        return _target_pos({o["role"]: o for o in record["objects"]}, *record["target"]) if record["target"] else None

    def row(self, index: int, instruction: str, extra: int, rng: np.random.Generator) -> ControlRow:
        """The still as a row without actions: its own reasoning and `extra` references to find."""
        record = self.records[index]
        others = self.references(index)
        chosen = rng.permutation(len(others))[:extra]
        return ControlRow(
            images=self.array(index, "images"),
            agent_pos=self.array(index, "agent_pos").astype(np.float32),
            instruction=instruction,
            reasoning=Reference(record["reasoning"], self.target_pos(index)),
            actions=np.tile(self.array(index, "action").astype(np.float32), (HORIZON, 1)),
            action_mask=np.zeros(HORIZON, bool),
            references=tuple(others[i] for i in chosen),
            scene=tuple(self.scene(index, c) for c in range(3)),
        )


def place_text(thing: dict, goal: dict) -> str:
    """What the policy says while it carries `thing` to `goal`."""
    into = goal["holds"] == "in" and goal["category"] != "plate"
    return f"Put the {thing['phrase']} {'into' if into else 'on'} the {goal['phrase']}."


def _target_pos(objects: dict[str, dict], role: str, goal: str) -> NDArray[np.float32] | None:
    """Where a thing lies and goes, (6,) m; None where one of them, such as the table, is no thing of the still."""
    if not {role, goal} <= objects.keys():
        return None
    return np.array([*objects[role]["pos"], *objects[goal]["pos"]], np.float32)


def _records(folder: Path, split: str, task: int) -> list[dict]:
    found = []
    for path in sorted((folder / "snapshots").glob("snapshots_*.jsonl")):
        for row, line in enumerate(path.read_text().splitlines()):
            record = json.loads(line)
            if record["split"] == split:
                found.append({**record, "shard": str(path.with_suffix(".npz")), "row": row, "task": task})
    if not found:
        raise FileNotFoundError(f"no {split} stills under {folder / 'snapshots'}; run `stage=collect` for this env first")
    return found


def _mapped(path: Path) -> dict[str, NDArray]:
    """The arrays of a shard, unpacked beside it so that they need not be in memory; two processes may do so at once."""
    folder = path.with_suffix("")
    marker = folder / ".unpacked"
    if not marker.is_file() or marker.stat().st_mtime < path.stat().st_mtime:
        folder.mkdir(exist_ok=True)
        with zipfile.ZipFile(existing(path)) as file, TemporaryDirectory(dir=folder) as unpacked:
            for name in file.namelist():
                Path(file.extract(name, unpacked)).replace(folder / name)
        marker.touch()
    return {f.stem: np.load(f, mmap_mode="r") for f in sorted(folder.glob("*.npy"))}

"""Reads recorded data for training: frames of episodes, stills with segmentation, questions about the stills.

Pictures stay on disk and are read through memory maps, so that worker processes share them and start at once.
"""

from __future__ import annotations

import json
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.types import ACTION_GRIPPER, EE_POS, HORIZON
from policy.collate import ControlRow, Reference
from policy.image_words import Segmented, named

NEAR_M = 0.08  # horizontal distance at which the hand counts as at the object or at its goal
LOW_M = 0.15  # and height below which it counts as down


@dataclass(frozen=True)
class Frames:
    """Every recorded frame of an env: `cache/images.npy`, `cache/frames.npz`, `cache/reasonings.json`, `cache/tasks.json`."""

    folder: Path

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        """(F, 3, H, W, 3) uint8, cameras left, right, wrist."""
        return np.load(_existing(self.folder / "cache" / "images.npy"), mmap_mode="r")

    @cached_property
    def arrays(self) -> dict[str, NDArray]:
        """agent_pos (F, 17), action (F, 10), target_pos (F, 6), episode_, frame_, reasoning_, task_ and image_index (F,)."""
        with np.load(_existing(self.folder / "cache" / "frames.npz")) as file:
            return {k: file[k] for k in file.files}

    @cached_property
    def reasonings(self) -> list[str]:
        """The texts that `reasoning_index` points into."""
        return json.loads(_existing(self.folder / "cache" / "reasonings.json").read_text())

    @cached_property
    def instructions(self) -> list[str]:
        """The texts that `task_index` points into."""
        return json.loads(_existing(self.folder / "cache" / "tasks.json").read_text())

    @cached_property
    def pictured(self) -> NDArray[np.int64]:
        """Indices of the frames whose pictures were kept: those that can be drawn."""
        return np.flatnonzero(self.arrays["image_index"] >= 0)

    def __len__(self) -> int:
        return len(self.arrays["agent_pos"])

    @cached_property
    def phase(self) -> NDArray[np.int64]:
        """(F,) what the hand is doing: closed or open, over the object, over the goal, low."""
        a = self.arrays
        hand, target = a["agent_pos"][:, EE_POS], a["target_pos"]
        with np.errstate(invalid="ignore"):
            at_object = np.linalg.norm(hand[:, :2] - target[:, 0:2], axis=1) < NEAR_M
            at_goal = np.linalg.norm(hand[:, :2] - target[:, 3:5], axis=1) < NEAR_M
        closed = a["action"][:, ACTION_GRIPPER][:, 0] > 0.5
        done = ~np.isfinite(target).all(1)
        return np.stack([closed, at_object, at_goal, hand[:, 2] < LOW_M, done], -1) @ (1 << np.arange(5))

    @cached_property
    def probability(self) -> NDArray[np.float64]:
        """Of drawing each of `pictured`: a phase weighs as the root of its length, so the short grasp is seen often."""
        kinds, which, counts = np.unique(self.phase[self.pictured], return_inverse=True, return_counts=True)
        weight = 1 / np.sqrt(counts)
        weight[(kinds >> 4) & 1 == 1] *= 0.5  # all done: the arm rests
        p = weight[which]
        return p / p.sum()

    @cached_property
    def _cumulative(self) -> NDArray[np.float64]:
        return np.cumsum(self.probability)

    def draw(self, rng: np.random.Generator) -> int:
        """One frame's index."""
        place = min(int(np.searchsorted(self._cumulative, rng.random())), len(self.pictured) - 1)
        return int(self.pictured[place])

    def chunk(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """(16, 10) commands from `index` on and which of them lie in its episode; past its end the last repeats."""
        episode = self.arrays["episode_index"]
        steps = np.minimum(index + np.arange(HORIZON), len(self) - 1)
        mask = episode[steps] == episode[index]
        last = index + int(mask.sum()) - 1
        mask &= index + np.arange(HORIZON) < len(self)
        return self.arrays["action"][np.minimum(steps, last)].astype(np.float32), mask

    def row(self, index: int) -> ControlRow:
        """The frame as a training row."""
        a = self.arrays
        actions, mask = self.chunk(index)
        text = self.reasonings[int(a["reasoning_index"][index])]
        return ControlRow(
            images=np.asarray(self.images[int(a["image_index"][index])]),
            agent_pos=a["agent_pos"][index].astype(np.float32),
            instruction=self.instructions[int(a["task_index"][index])],
            reasoning=Reference(text, a["target_pos"][index].astype(np.float32)),
            actions=actions,
            action_mask=mask,
        )


@dataclass(frozen=True)
class Snapshots:
    """Stills of `snapshots/snapshots_*.npz` with their lines in the `.jsonl` of the same name."""

    folder: Path
    split: str = "train"

    @cached_property
    def records(self) -> list[dict]:
        """One per still of the split, with `shard` and `row` added."""
        found = []
        for path in sorted((self.folder / "snapshots").glob("snapshots_*.jsonl")):
            for row, line in enumerate(path.read_text().splitlines()):
                record = json.loads(line)
                if record["split"] == self.split:
                    found.append({**record, "shard": path.stem, "row": row})
        if not found:
            raise FileNotFoundError(
                f"no {self.split} stills under {self.folder / 'snapshots'}; run `stage=collect` for this env first"
            )
        return found

    @cached_property
    def index(self) -> dict[str, int]:
        """Id of a still -> its place in `records`."""
        return {r["id"]: i for i, r in enumerate(self.records)}

    @cached_property
    def shards(self) -> dict[str, dict[str, NDArray]]:
        """Shard -> its arrays, memory-mapped (unpacked beside the file at first use)."""
        names = {r["shard"] for r in self.records}
        return {n: _mapped(self.folder / "snapshots" / f"{n}.npz") for n in sorted(names)}

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
        """A text for each object and each container of the still; the true target is not among them."""
        objects = {o["role"]: o for o in self.records[index]["objects"]}
        goals = [r for r in objects if objects[r].get("category") == "container" or r in ("box", "basket")]
        target = tuple(self.records[index]["target"] or ())
        return [
            Reference(place_text(objects[role], objects[goal]), _target_pos(objects, role, goal))
            for role in objects
            for goal in goals
            if role not in goals and (role, goal) != target
        ]

    def row(self, index: int, instruction: str, extra: int, rng: np.random.Generator) -> ControlRow:
        """The still as a row without actions: its own reasoning and `extra` references to find."""
        record = self.records[index]
        objects = {o["role"]: o for o in record["objects"]}
        others = self.references(index)
        chosen = rng.permutation(len(others))[:extra]
        target = _target_pos(objects, *record["target"]) if record["target"] else None
        return ControlRow(
            images=self.array(index, "images"),
            agent_pos=self.array(index, "agent_pos").astype(np.float32),
            instruction=instruction,
            reasoning=Reference(record["reasoning"], target),
            actions=np.tile(self.array(index, "action").astype(np.float32), (HORIZON, 1)),
            action_mask=np.zeros(HORIZON, bool),
            references=tuple(others[i] for i in chosen),
            scene=tuple(self.scene(index, c) for c in range(3)),
        )


@dataclass(frozen=True)
class Question:
    """One record of a LLaVA JSONL file with the ground truth kept beside it."""

    question: str
    answer: str
    family: str
    snapshot: str
    camera: str
    accept: tuple[str, ...]
    image: str
    pair_id: str


def read_questions(path: Path | str) -> list[Question]:
    """The questions of a LLaVA JSONL file, first turn of each record."""
    found = []
    for line in _existing(Path(path)).read_text().splitlines():
        record = json.loads(line)
        human, gpt = (turn["value"] for turn in record["conversations"][:2])
        meta, image = record["meta"], record.get("image", "")
        found.append(
            Question(
                question=human.replace("<image>", "").strip(),
                answer=gpt.strip(),
                family=meta["family"],
                snapshot=str(meta.get("snapshot", "")),
                camera=str(meta.get("camera", "")),
                accept=tuple(meta.get("accept") or [meta.get("answer", gpt)]),
                image=image[0] if isinstance(image, list) else image,
                pair_id=str(meta.get("pair_id") or ""),
            )
        )
    return found


def by_picture(questions: list[Question]) -> dict[tuple[str, str], list[Question]]:
    """(snapshot, camera) -> its questions."""
    found = defaultdict(list)
    for question in questions:
        found[question.snapshot, question.camera].append(question)
    return dict(found)


def place_text(thing: dict, goal: dict) -> str:
    """What the policy says while it carries `thing` to `goal`."""
    return f"Put the {thing['phrase']} into the {goal['phrase']}."


def _target_pos(objects: dict[str, dict], role: str, goal: str) -> NDArray[np.float32]:
    return np.array([*objects[role]["pos"], *objects[goal]["pos"]], np.float32)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"no recorded data at {path}; run `stage=collect` for this env first")
    return path


def _mapped(path: Path) -> dict[str, NDArray]:
    folder = path.with_suffix("")
    marker = folder / ".unpacked"
    if not marker.is_file() or marker.stat().st_mtime < path.stat().st_mtime:
        with zipfile.ZipFile(_existing(path)) as file:
            file.extractall(folder)
        marker.touch()
    return {f.stem: np.load(f, mmap_mode="r") for f in sorted(folder.glob("*.npy"))}

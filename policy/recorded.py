"""Reads recorded data for training: frames of episodes, and questions about stills (`policy.stills`).

Pictures stay on disk and are read through memory maps, so that worker processes share them and start at once.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.types import ACTION_GRIPPER, EE_POS, HORIZON
from policy.collate import ControlRow, Reference

NEAR_M = 0.08  # horizontal distance at which the hand counts as at the object or at its goal
LOW_M = 0.15  # and height below which it counts as down

Data = Path | tuple[Path, ...]  # what `stage=collect` left of one task, or of each of several


@dataclass(frozen=True)
class Frames:
    """Every recorded frame of one task or, one task after the other, of several.

    Each folder has `cache/images.npy`, `cache/frames.npz`, `cache/reasonings.json` and `cache/tasks.json`.
    """

    data: Data

    @cached_property
    def images(self) -> tuple[NDArray[np.uint8], ...]:
        """Of each task (F, 3, H, W, 3) uint8, cameras left, right, wrist."""
        return tuple(np.load(existing(f / "cache" / "images.npy"), mmap_mode="r") for f in folders(self.data))

    @cached_property
    def arrays(self) -> dict[str, NDArray]:
        """agent_pos (F, 17), action (F, 10), target_pos (F, 6), episode_, frame_, reasoning_, task_ and image_index (F,).

        All indices but frame_index, which counts within an episode, go on from task to task; a frame without a picture has image_index -1.
        """
        first = {
            "episode_index": _starts(int(p["episode_index"].max(initial=-1)) + 1 for p in self._parts),
            "reasoning_index": _starts(map(len, self._reasonings)),
            "task_index": _starts(map(len, self._instructions)),
            "image_index": self._first_image,
        }
        names = self._parts[0]
        return {n: np.concatenate([_from(p[n], first[n][i]) if n in first else p[n] for i, p in enumerate(self._parts)]) for n in names}

    @cached_property
    def of_task(self) -> NDArray[np.int64]:
        """(F,) which of the tasks each frame belongs to."""
        lengths = [len(p["agent_pos"]) for p in self._parts]
        return np.repeat(np.arange(len(lengths)), lengths)

    @cached_property
    def reasonings(self) -> list[str]:
        """The texts that `reasoning_index` points into."""
        return [text for texts in self._reasonings for text in texts]

    @cached_property
    def instructions(self) -> list[str]:
        """The texts that `task_index` points into."""
        return [text for texts in self._instructions for text in texts]

    def instructions_of(self, task: int) -> list[str]:
        """Those of one of the tasks."""
        return self._instructions[task]

    def image(self, index: int) -> NDArray[np.uint8]:
        """(3, H, W, 3) uint8, the pictures of a frame that has them."""
        place, task = int(self.arrays["image_index"][index]), int(self.of_task[index])
        return np.asarray(self.images[task][place - self._first_image[task]])

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
        """Of drawing each of `pictured`. A phase weighs as the root of its length, so the short grasp is seen often;
        of several tasks each weighs as the root of its frames."""
        task, phase = self.of_task[self.pictured], self.phase[self.pictured]
        p = np.zeros(len(self.pictured))
        for at in (np.flatnonzero(task == t) for t in np.unique(task)):
            of_phases = _phase_weights(phase[at])
            p[at] = of_phases / of_phases.sum() * np.sqrt(len(at))
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
            images=self.image(index),
            agent_pos=a["agent_pos"][index].astype(np.float32),
            instruction=self.instructions[int(a["task_index"][index])],
            reasoning=Reference(text, a["target_pos"][index].astype(np.float32)),
            actions=actions,
            action_mask=mask,
        )

    @cached_property
    def _parts(self) -> list[dict[str, NDArray]]:
        return [_arrays(f) for f in folders(self.data)]

    @cached_property
    def _reasonings(self) -> list[list[str]]:
        return [json.loads(existing(f / "cache" / "reasonings.json").read_text()) for f in folders(self.data)]

    @cached_property
    def _instructions(self) -> list[list[str]]:
        return [json.loads(existing(f / "cache" / "tasks.json").read_text()) for f in folders(self.data)]

    @cached_property
    def _first_image(self) -> list[int]:
        return _starts(map(len, self.images))


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
    for line in existing(Path(path)).read_text().splitlines():
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


def questions_of(data: Data, split: str) -> list[Question]:
    """Those of `questions/<split>.jsonl`, of each task's folder in turn."""
    return [q for folder in folders(data) for q in read_questions(folder / "questions" / f"{split}.jsonl")]


def by_picture(questions: list[Question]) -> dict[tuple[str, str], list[Question]]:
    """(snapshot, camera) -> its questions."""
    found = defaultdict(list)
    for question in questions:
        found[question.snapshot, question.camera].append(question)
    return dict(found)


def folders(data: Data) -> tuple[Path, ...]:
    """The folders of the tasks."""
    return (data,) if isinstance(data, Path) else data


def demonstrations(data: Data) -> Frames:
    """The frames of data that has demonstrations in each of its folders.

    Raises:
        ValueError: one has made-up scenes alone, with what records some.
    """
    frames = Frames(data)
    for task, folder in enumerate(folders(data)):
        if not (frames.of_task == task).any():
            raise ValueError(f"{folder} holds no demonstrations, only made-up scenes, which teach answers (stage 4_answer) and nothing else; record some: stage=collect collect.episodes=20")
    return frames


def existing(path: Path) -> Path:
    """The path, if there is a file.

    Raises:
        FileNotFoundError: there is none; the message says what makes it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no recorded data at {path}; run `stage=collect` for this env first")
    return path


def _arrays(folder: Path) -> dict[str, NDArray]:
    with np.load(existing(folder / "cache" / "frames.npz")) as file:
        return {k: file[k] for k in file.files}


def _starts(counts: Iterable[int]) -> list[int]:
    """Where each of several runs begins when they are laid one after the other."""
    return list(accumulate(counts, initial=0))[:-1]


def _from(index: NDArray, first: int) -> NDArray:
    """The index counted from `first`; what points nowhere (below 0) still does."""
    return np.where(index < 0, index, index + first)


def _phase_weights(phase: NDArray[np.int64]) -> NDArray[np.float64]:
    kinds, which, counts = np.unique(phase, return_inverse=True, return_counts=True)
    weight = 1 / np.sqrt(counts)
    weight[(kinds >> 4) & 1 == 1] *= 0.5  # all done: the arm rests
    return weight[which]

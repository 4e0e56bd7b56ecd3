"""ECoT's chain of thought in words, from what recorded frames know: plan, places in the picture, motion (policy.md 3.5).

Tags and their order are ECoT's. What differs: the plan is what is left of it, which one picture can tell; places are the
cells that questions about the picture name ("x3 y2"), not boxes and pixels; sub-tasks and targets are the expert's own
and not a language model's guess. As in ECoT, labels look ahead: later sub-tasks tell what lies where, later frames
where the gripper goes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.geometry import matrix_from_rot6d, rotation_vector
from envs.types import ACTION_EE_POS, ACTION_GRIPPER, ACTION_ROT6D, CAMERAS, EE_POS, EE_ROT6D, EXECUTE, GRIPPER_CLOSED
from policy.image_words import place_index
from policy.recorded import Frames
from policy.stills import Snapshots
from policy.tokenizer import COLUMN_WORDS, ROW_WORDS

CAMERA = CAMERAS[0]  # whose picture places are told in
AXES = (("forward", "backward"), ("left", "right"), ("up", "down"))  # +-x, +-y, +-z of the base
MOVED_M = 0.02  # along an axis within EXECUTE actions: it is named
TURNED_RAD = 0.15  # about the vertical, likewise
AHEAD = tuple(3 * i for i in range(1, 6))  # frames: ECoT's next five places of the gripper, at our rate over one chunk
HELD_M = 0.08  # between hand and object
# All words that no recorded text needs to have.
WORDS = tuple(
    ["TASK", "PLAN", "VISIBLE", "OBJECTS", "SUBTASK", "REASONING", "MOVE", "GRIPPER", "POSITION", "none", "the", "gripper", "is", "open", "closed", "holds", "and", "move", "turn", "clockwise", "counterclockwise", "close", "stay", "it", "to", "at", "object", "forward", "backward", "left", "right", "up", "down"]
)

Points = NDArray[np.floating]


@dataclass(frozen=True)
class Target:
    """A sub-task's object and where it goes: what they are called, `pos` (6,) m, both."""

    names: tuple[str, ...]
    pos: Points

    def places(self) -> Iterator[tuple[str, Points]]:
        """Names with their positions (3,)."""
        yield from zip(self.names, (self.pos[:3], self.pos[3:]), strict=False)


@dataclass(frozen=True)
class Chains:
    """The chain of every frame of `outputs/data/<env>`."""

    folder: Path

    def text(self, index: int) -> str:
        """What is thought at a frame before its actions."""
        left = self._left(index)
        parts = {
            "TASK": self.frames.instructions[int(self._arrays["task_index"][index])],
            "PLAN": " ".join(left),
            "VISIBLE OBJECTS": self._objects(left),
            "SUBTASK REASONING": self._state(index, next(iter(left.values()))),
            "SUBTASK": next(iter(left)),
            "MOVE REASONING": self._direction(index, next(iter(left.values()))),
            "MOVE": self._move(index),
            "GRIPPER POSITION": " ".join(self._cell(p, clipped=True) for p in self._ahead(index)),
        }
        return " ".join(f"{tag}: {text}" for tag, text in parts.items())

    @cached_property
    def frames(self) -> Frames:
        """Recorded episodes."""
        return Frames(self.folder)

    @cached_property
    def phrases(self) -> re.Pattern[str]:
        """Whatever the data's objects are called, longest first."""
        names = {str(o["phrase"]) for r in Snapshots(self.folder).records for o in r["objects"]}
        return re.compile(r"\b(?:" + "|".join(re.escape(n) for n in sorted(names, key=lambda n: (-len(n), n))) + r")\b")

    @cached_property
    def projection(self) -> NDArray[np.float64]:
        """(3, 4): points in the base frame, m, to shares of the picture, x to the right and y down."""
        path = self.folder / "cameras.json"
        if not path.is_file():
            raise FileNotFoundError(f"no {path}, which says where the cameras stood; run `stage=collect` again, which keeps what is collected and adds it")
        return np.array(json.loads(path.read_text())[CAMERA])

    @property
    def _arrays(self) -> dict[str, NDArray]:
        return self.frames.arrays

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """(F,) the first frame behind each frame's episode."""
        return np.searchsorted(self._arrays["episode_index"], self._arrays["episode_index"], side="right")

    def _left(self, index: int) -> dict[str, Target | None]:
        """The sub-tasks from this frame to the end of its episode, in order; only a finished task has one without target."""
        rows = slice(index, int(self._ends[index]))
        reasoning, target = self._arrays["reasoning_index"][rows], self._arrays["target_pos"][rows]
        _, firsts = np.unique(reasoning, return_index=True)
        found = {self.frames.reasonings[int(reasoning[i])]: self._target(int(reasoning[i]), target[i]) for i in np.sort(firsts)}
        now = next(iter(found))
        return {text: known for text, known in found.items() if known or text == now}

    def _target(self, reasoning: int, pos: Points) -> Target | None:
        """A sentence names its object first and last where it goes."""
        if not np.isfinite(pos).all():
            return None
        named = self.phrases.findall(self.frames.reasonings[reasoning])
        return Target(tuple(dict.fromkeys((named[0], named[-1]))) if named else (), pos)

    def _objects(self, left: dict[str, Target | None]) -> str:
        places = dict(p for target in left.values() if target for p in target.places())
        seen = {name: self._cell(pos) for name, pos in places.items()}
        return ", ".join(f"{name} {cell}" for name, cell in seen.items() if cell) or "none"

    def _state(self, index: int, target: Target | None) -> str:
        closed = bool(self._arrays["agent_pos"][index, GRIPPER_CLOSED][0] > 0.5)
        if closed and target and target.names and np.linalg.norm(target.pos[:3] - self._hand(index)) < HELD_M:
            return f"the gripper holds the {target.names[0]}"
        return f"the gripper is {'closed' if closed else 'open'}"

    def _direction(self, index: int, target: Target | None) -> str:
        if target is None:
            return "none"
        held = self._state(index, target).startswith("the gripper holds")
        which = int(held and len(target.names) > 1)
        way = directions(target.pos[3 * which :][:3] - self._hand(index))
        name = target.names[which] if target.names else "object"
        return f"it is {' and '.join(way)} to the {name}" if way else f"the gripper is at the {name}"

    def _move(self, index: int) -> str:
        """The motion of the actions that are executed before the next inference."""
        end = self._arrays["action"][min(index + EXECUTE, int(self._ends[index])) - 1]
        now = self._arrays["agent_pos"][index]
        way = directions(end[ACTION_EE_POS] - now[EE_POS])
        turn = rotation_vector(matrix_from_rot6d(end[ACTION_ROT6D]) @ matrix_from_rot6d(now[EE_ROT6D]).T)[2]
        change = (end[ACTION_GRIPPER] > 0.5).astype(int) - (now[GRIPPER_CLOSED] > 0.5)
        parts = [f"move {' and '.join(way)}"] if way else []
        parts += [f"turn {'counterclockwise' if turn > 0 else 'clockwise'}"] if abs(turn) > TURNED_RAD else []
        parts += [f"{'close' if change[0] > 0 else 'open'} the gripper"] if change[0] else []
        return ", ".join(parts) or "stay"

    def _hand(self, index: int) -> Points:
        return self._arrays["agent_pos"][index, EE_POS]

    def _ahead(self, index: int) -> Points:
        frames = np.minimum(index + np.array(AHEAD), self._ends[index] - 1)
        return self._arrays["agent_pos"][frames, EE_POS]

    def _cell(self, point: Points, clipped: bool = False) -> str:
        """The words of the place where the camera sees a point (3,); outside the picture none, or the nearest."""
        x, y, depth = self.projection @ np.r_[point, 1.0]
        share = np.array([x, y]) / depth
        if not clipped and (depth <= 0 or (share < 0).any() or (share >= 1).any()):
            return ""
        row, column = place_index(share[1], share[0])
        return f"{COLUMN_WORDS[column]} {ROW_WORDS[row]}"


def directions(vector: Points) -> list[str]:
    """The words of the axes along which a vector (3,) m is long enough."""
    return [words[int(v < 0)] for v, words in zip(vector, AXES, strict=True) if abs(v) > MOVED_M]

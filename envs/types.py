"""The words that everything else is written in: observation, action, trial, step, task, policy.

Nothing here imports a simulator or a network, so every part of the workbench can share it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray

CONTROL_HZ = 15
PUSH_FORCE, PUSH_TORQUE = 40.0, 40.0  # N on the hand (Nm for turns), Nm on a joint: from where the arm is told to stop itself
CAMERAS = ("left", "right", "wrist")
IMAGE_SHAPE = (240, 320, 3)  # height, width, RGB
AGENT_POS_DIM = 17
ACTION_DIM = 10
HORIZON = 16  # actions in a predicted chunk (ChatVLA, chunk size)
EXECUTE = 8  # of which so many are executed before the next inference

# Slices of `agent_pos`.
JOINT_POS = slice(0, 7)  # rad
EE_POS = slice(7, 10)  # m, base frame
EE_ROT6D = slice(10, 16)  # first two rows of the rotation matrix
GRIPPER_CLOSED = slice(16, 17)  # 0 open - 1 closed

# Slices of an action.
ACTION_EE_POS = slice(0, 3)  # m, base frame
ACTION_ROT6D = slice(3, 9)
ACTION_GRIPPER = slice(9, 10)  # 0 open - 1 closed

Split = Literal["train", "test"]


class Observation(TypedDict):
    """`pixels`: camera name -> (240, 320, 3) uint8 RGB; `agent_pos`: (17,) float32."""

    pixels: dict[str, NDArray[np.uint8]]
    agent_pos: NDArray[np.float32]


@dataclass(frozen=True)
class Trial:
    """One evaluation or demonstration: everything that decides how a reset looks.

    `index` numbers the trials of a run; with `env`, `split`, `seed` and `shift` it is all that a reset depends on.
    """

    env: str
    index: int
    seed: int = 0
    split: Split = "test"
    shift: str = "none"

    def rng(self, stream: str = "layout") -> np.random.Generator:
        """The generator of one named stream of this trial, independent of every other stream and trial."""
        words = f"{self.env}/{self.split}/{self.shift if stream == 'shift' else ''}/{stream}".encode()
        return np.random.default_rng([self.seed, self.index, *words])


class Predicate(Protocol):
    """A statement about the world: called on its state it answers, printed it is a sentence an operator can judge."""

    def __call__(self, world: Any) -> bool: ...


@dataclass(frozen=True)
class Step:
    """One point of a task: when it counts, which skill achieves it, what the policy says meanwhile.

    `reasoning` and its `paraphrases` (which demonstrations use too) name {object} and {goal}, filled from the layout.
    `instruction`: what a planner tells the policy while this step is due; empty where the task's own will do.
    """

    predicate: Predicate
    skill: Any
    reasoning: str
    paraphrases: tuple[str, ...] = ()
    instruction: str = ""


@dataclass(frozen=True)
class Region:
    """Where an object may start: ranges of x, y (m) and yaw (rad) in the frame of the fixture `on` (empty: the base).

    `height`: m, of what the object stands on, above that frame's origin. `fixed`: the object has no free neighbours to
    keep clear of (it lies in a pot, on a shelf), so the room for the open gripper is not asked for.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    yaw: tuple[float, float] = (-0.3, 0.3)
    on: str = ""
    height: float = 0.0
    upside_down: bool = False
    fixed: bool = False


@dataclass(frozen=True)
class ObjectGroup:
    """`count` objects of different kinds: their roles are `name_0`, `name_1`, ..., in the order of `kinds`.

    A group of one is called `name` alone where `numbered` is False. `test_kinds`: variants that only test trials show
    (empty: the same as in training). `region`: None for the scene's own; one of several is drawn.
    """

    name: str
    count: int
    kinds: tuple[str, ...]
    test_kinds: tuple[str, ...] = ()
    region: Region | tuple[Region, ...] | None = None
    numbered: bool = True

    @property
    def regions(self) -> tuple[Region, ...]:
        """Its own regions, if it has any."""
        return self.region if isinstance(self.region, tuple) else (self.region,) if self.region else ()

    @property
    def roles(self) -> tuple[str, ...]:
        """The names that its objects have in the simulator."""
        return tuple(f"{self.name}_{i}" for i in range(self.count)) if self.numbered else (self.name,)


@dataclass(frozen=True)
class Fixture:
    """What stands where it is put: `pos` (x, y) m and `yaw` rad in the base frame.

    In each trial it is moved by up to `jitter` m and turned by up to `turn` rad. `kinds`: one of them is drawn;
    `test_kinds` as for objects. `height`: m, of its origin above the table.
    `travel`: how far its drawer or door is open at the start: least and most share of the joint's range.
    """

    name: str
    kinds: tuple[str, ...]
    pos: tuple[float, float]
    yaw: float = 0.0
    jitter: float = 0.015
    height: float = 0.0
    test_kinds: tuple[str, ...] = ()
    travel: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0


@dataclass(frozen=True)
class Task:
    """A task as data: one declaration serves progress, rubric, expert, reasoning text and questions.

    `paraphrases` of the instruction are for training; `test_paraphrases` are never trained on. Instruction and phrases
    may name what a trial decides: {role}, {role_text} and the names of `choices` (see `World.words`).

    `shuffled`: fixtures that change places with each other at random. `choices`: (name, alternatives), one drawn a
    trial. `accepts(layout, split)`: whether a layout makes sense; others are drawn again.
    """

    name: str
    scene: str
    instruction: str
    fixtures: tuple[Fixture, ...]
    objects: tuple[ObjectGroup, ...]
    steps: tuple[Step, ...]
    finished: str  # what the policy says when every step is done
    time_limit_s: float
    paraphrases: tuple[str, ...] = ()
    test_paraphrases: tuple[str, ...] = ()
    shuffled: tuple[str, ...] = ()
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()
    accepts: Callable[[Any, Split], bool] | None = None


@dataclass(frozen=True)
class Inference:
    """What a policy answers.

    `action_chunk`: (n, 10) float32, index 0 executes first; `reasoning`: what it said; `seconds`: latency by part.
    """

    action_chunk: NDArray[np.float32]
    reasoning: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)


class Policy(Protocol):
    """Anything that acts: expert, replay, zero, ChatVLA, a baseline or a remote server."""

    name: str
    execute: int

    def reset(self, trial: Trial) -> None: ...

    def infer(self, observation: Observation, instruction: str) -> Inference: ...

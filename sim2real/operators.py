"""Who stands beside the robot: lays out the scene, arms the robot, keeps a hand on the stop button, says which steps are done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from envs.layout import Layout
from envs.types import Task, Trial

Pictures = Mapping[str, NDArray[np.uint8]]  # camera -> (240, 320, 3) RGB


@dataclass(frozen=True)
class Setting:
    """What an operator is asked to lay out: the trial's things where `wanted` shows them, the arm being at its start.

    `live()`: what the cameras see now.
    """

    task: Task
    trial: Trial
    layout: Layout
    instruction: str
    rubric: tuple[str, ...]
    wanted: Pictures
    live: Any


@dataclass(frozen=True)
class Verdict:
    """What the operator says of a finished trial. `steps_done`: of the rubric's sentences, from the first on; `note`: free text."""

    steps_done: int
    note: str = ""


class Operator(Protocol):
    """A person at a page, or what stands in for one."""

    name: str

    def prepare(self, setting: Setting) -> None:
        """Return when the scene is laid out and the robot armed: from now on it may move.

        Raises:
            OperatorStop: the operator does not want this trial to begin.
        """
        ...

    def steps_done(self, env: Any) -> int:
        """How many of the task's steps are done now; asked after each control step."""
        ...

    def dead_man_s(self) -> float:
        """s since the operator last showed to be there."""
        ...

    def stop_pressed(self) -> bool:
        """Whether the arm has to stop at once."""
        ...

    def given_up(self) -> bool:
        """Whether the trial is to end as it is: nothing more will come of it."""
        ...

    def score(self, env: Any, outcome: str) -> Verdict:
        """What was achieved, after the arm has come to rest."""
        ...

    def prefer(self, trial: Trial) -> str | None:
        """Which of two policies did better at a trial that both have played: `first`, `second`, `tie`; None for no opinion."""
        ...

    def close(self) -> None:
        """Nothing more is asked."""
        ...

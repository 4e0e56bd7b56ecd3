"""Policies that no learned one may fail to beat: hold still, move at random, replay the nearest demonstration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.spaces import WORKSPACE_HIGH, WORKSPACE_LOW
from envs.types import (
    ACTION_EE_POS,
    ACTION_GRIPPER,
    EE_POS,
    EE_ROT6D,
    EXECUTE,
    GRIPPER_CLOSED,
    HORIZON,
    Inference,
    Observation,
    Trial,
)

RANDOM_STEP = 0.02  # m, standard deviation per control step and axis: about the expert's speed (0.3 m/s)


def hold_action(observation: Observation) -> NDArray[np.float32]:
    """(10,) float32: the action that keeps the pose and gripper which the observation shows."""
    state = observation["agent_pos"]
    return np.concatenate([state[EE_POS], state[EE_ROT6D], state[GRIPPER_CLOSED]]).astype(np.float32)


class Zero:
    """Holds the pose of the first observation: the negative control of every rate."""

    name = "zero"
    execute = EXECUTE
    uses_pixels = False

    def __init__(self) -> None:
        self._action: NDArray[np.float32] | None = None

    def reset(self, trial: Trial) -> None:
        """Forget the pose of the trial before."""
        self._action = None

    def infer(self, observation: Observation, instruction: str) -> Inference:
        """The same action, `HORIZON` times."""
        if self._action is None:
            self._action = hold_action(observation)
        return Inference(np.tile(self._action, (HORIZON, 1)))


class Random:
    """Walks at random through the workspace, opening and closing the gripper once per chunk."""

    name = "random"
    execute = EXECUTE
    uses_pixels = False

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)

    def reset(self, trial: Trial) -> None:
        """Draw from the trial's own stream, so that a trial is the same in any order."""
        self._rng = trial.rng("random_policy")

    def infer(self, observation: Observation, instruction: str) -> Inference:
        """A Gaussian walk from the present pose, (16, 10)."""
        chunk = np.tile(hold_action(observation), (HORIZON, 1))
        walk = self._rng.normal(0.0, RANDOM_STEP, (HORIZON, 3)).cumsum(0)
        chunk[:, ACTION_EE_POS] = np.clip(chunk[:, ACTION_EE_POS] + walk, WORKSPACE_LOW, WORKSPACE_HIGH)
        chunk[:, ACTION_GRIPPER] = self._rng.integers(0, 2)
        return Inference(chunk.astype(np.float32))


@dataclass(frozen=True)
class Demonstration:
    """`layout`: what tells layouts apart, any (d,) vector in metres; `actions`: (n, 10) float32; `reasoning`: n texts or none."""

    layout: NDArray[np.float64]
    actions: NDArray[np.float32]
    reasoning: Sequence[str] = ()


class Replay:
    """Replays, open loop, the demonstration whose layout is nearest to the trial's: what memory alone achieves.

    `layout_of` gives the trial's layout vector, or None where no demonstration can be compared with it.

    Raises:
        ValueError: there is no demonstration.
    """

    name = "replay"
    execute = EXECUTE
    uses_pixels = False

    def __init__(self, demonstrations: Sequence[Demonstration], layout_of: Callable[[Trial], NDArray[np.float64]]) -> None:
        if not demonstrations:
            raise ValueError("replay has no demonstration to replay; collect some first: stage=collect")
        self._demonstrations, self._layout_of = demonstrations, layout_of
        self._chosen, self._next = demonstrations[0], 0

    def reset(self, trial: Trial) -> None:
        """Choose the demonstration with the smallest Euclidean distance between layout vectors."""
        wanted = self._layout_of(trial)
        self._chosen = min(self._demonstrations, key=lambda d: float(np.linalg.norm(d.layout - wanted)))
        self._next = 0

    def infer(self, observation: Observation, instruction: str) -> Inference:
        """The next recorded actions; after the last one, that one for ever."""
        last = len(self._chosen.actions) - 1
        index = np.minimum(np.arange(self._next, self._next + HORIZON), last)
        said = str(self._chosen.reasoning[index[0]]) if self._chosen.reasoning else ""
        self._next += self.execute
        return Inference(self._chosen.actions[index], said)

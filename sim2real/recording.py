"""Robot trials as LeRobot episodes, in the very format of the simulated demonstrations, so that a policy can be trained on them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.dataset_files import EpisodeWriter, slots
from envs.skills.skill import FirstUnmet, words
from envs.types import Trial

NOWHERE = np.full(6, np.nan)


class EpisodeRecorder:
    """One trial's frames: what was seen before each action, and the action that was sent; kept where the trial counts.

    Steps in which the arm was only held (the policy was thinking) are left out. A full disk costs the episode, not the trial.
    """

    def __init__(self, root: Path, trial: Trial, kept: tuple[str, ...] = ("success", "failure", "timeout")):
        self._root, self._trial, self._kept = root, trial, kept
        self._writer: EpisodeWriter | None = None
        self._said = ""

    def start(self, env: Any) -> None:
        """The arm is ready to move."""
        taken = slots(self._root)
        note = {"trial": self._trial.__dict__, "backend": env.rig.backend if hasattr(env, "rig") else "mujoco", "noisy": False}
        self._writer = EpisodeWriter(self._root, (taken[-1] + 1) if taken else 0, env.instruction, note)
        self._seen = env.observe()

    def say(self, env: Any, text: str) -> None:
        """What the policy says from now on."""
        self._said = text

    def execute(self, actions: NDArray[np.float32]) -> None:
        """Nothing: what is sent is recorded, not what is asked."""

    def step(self, env: Any) -> None:
        """One control step is over."""
        if self._writer is None:
            return
        held = getattr(env, "held", False)
        if not held:
            done = bool(env.terminated or env.truncated)
            self._add(env, done)
        self._seen = env.observe()

    def end(self, outcome: str) -> Mapping[str, str]:
        """Keep the episode or drop it."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with writer:
                if outcome in self._kept and len(writer):
                    self._try(writer.commit)
        return {}

    def _add(self, env: Any, done: bool) -> None:
        writer = self._writer
        assert writer is not None
        phrase, subtask = due_words(env)
        sent = env.action_sent
        self._try(lambda: writer.add(self._seen, sent, self._said or phrase, subtask, NOWHERE, done=done, success=bool(env.terminated)))

    def _try(self, write: Any) -> None:
        try:
            write()
        except OSError as error:
            warnings.warn(f"no recording of trial {self._trial.index}: {error}; the trial itself is kept", stacklevel=3)
            self._writer = None


def due_words(env: Any) -> tuple[str, str]:
    """What the expert would say of the step that is due, and that step as `object to goal`; `done` at the end.

    On the real table nobody knows which of several things a step is about; both are empty then.
    """
    steps = env.task.steps[env.steps_done :]
    if not steps:
        return env.plan.told(env.task.finished), "done"
    skill, world = steps[0].skill, env.known_world()
    if isinstance(skill, FirstUnmet):
        skill = skill.current(world) if world is not None else None
    if skill is None:
        return "", ""
    return steps[0].reasoning.format(**words(skill, env.plan.world)), f"{skill.object} to {skill.goal}"

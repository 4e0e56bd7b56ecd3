"""The scripted expert on a twin: it sees the twin's full state, which no robot has."""

from __future__ import annotations

from typing import Any

from envs.expert import Expert
from envs.types import Inference, Observation, Trial


class TwinExpert:
    """Acts as the expert does in simulation; the environment's plan is a copy of the twin's world."""

    name = "expert"
    execute = 1
    uses_pixels = False

    def __init__(self, env: Any):
        self._env, self._expert = env, Expert(env.plan)

    def reset(self, trial: Trial) -> None:
        """Nothing to forget."""

    def infer(self, observation: Observation, instruction: str) -> Inference:
        """A chunk of one action, (1, 10), and the reasoning phrase."""
        self._env.known_world()
        self._env.plan.steps_done = self._env.steps_done
        return self._expert.infer(observation, instruction)

"""The scripted expert on a twin: it sees the twin's full state, which no robot has."""

from __future__ import annotations

from typing import Any

from envs.expert import Expert
from envs.types import Inference, Observation, Trial
from sim2real.twin import Twin


class TwinExpert:
    """Acts as the expert does in simulation; the environment's plan is a copy of the twin's world."""

    name = "expert"
    execute = 1
    uses_pixels = False

    def __init__(self, env: Any, twin: Twin):
        self._env, self._twin, self._expert = env, twin, Expert(env.plan)

    def reset(self, trial: Trial) -> None:
        """Nothing to forget."""

    def infer(self, observation: Observation, instruction: str) -> Inference:
        """A chunk of one action, (1, 10), and the reasoning phrase."""
        plan = self._env.plan
        plan.set_full_state(self._twin.state().full_state)
        plan.steps_done = self._env.steps_done
        return self._expert.infer(observation, instruction)

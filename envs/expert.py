"""The scripted expert: a policy with privileged state, from the same task declaration that scores it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from envs.geometry import rot6d_from_matrix
from envs.skills import FirstUnmet, PickPlace, go_home
from envs.types import Inference, Observation, Task, Trial
from envs.world import World

if TYPE_CHECKING:
    from envs.sim_env import SimEnv

# Fingers down, opening along y; rows of ee_to_base (see envs.robot, site `ee`).
DOWN = np.diag([1.0, -1.0, -1.0])


class Expert:
    """Solves the task of an environment from its state; one action per inference (closed loop)."""

    name = "expert"
    execute = 1

    def __init__(self, env: SimEnv):
        self.env = env

    def reset(self, trial: Trial) -> None:
        """Nothing to forget."""

    def infer(self, observation: Observation, instruction: str) -> Inference:
        """A chunk of one action, (1, 10), and the reasoning phrase."""
        action, reasoning, _ = act(self.env.task, self.env.world)
        return Inference(action[None], reasoning)


def current(task: Task, world: World) -> tuple[PickPlace | None, str]:
    """What is to be done now and how it is said; None and the closing phrase when all is done."""
    for step in task.steps:
        skill = step.skill.current(world) if isinstance(step.skill, FirstUnmet) else step.skill
        if skill is not None and not skill.reached(world):
            words = {"object": world.kind(skill.object).phrase, "container": skill.container}
            return skill, step.reasoning.format(**words)
    return None, task.finished


def act(task: Task, world: World) -> tuple[NDArray[np.float32], str, PickPlace | None]:
    """The action (10,), the reasoning phrase and the skill that chose it, from the present state."""
    skill, reasoning = current(task, world)
    pos, closed = skill.act(world) if skill else go_home(world)
    action = np.r_[pos, rot6d_from_matrix(DOWN), closed].astype(np.float32)
    return action, reasoning, skill

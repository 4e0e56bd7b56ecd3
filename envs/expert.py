"""The scripted expert: a policy with privileged state, from the same task declaration that scores it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from envs.geometry import rot6d_from_matrix
from envs.skills.skill import FirstUnmet, Skill, go_home, words
from envs.types import Inference, Observation, Step, Trial
from envs.world import World

if TYPE_CHECKING:
    from envs.sim_env import SimEnv


class Expert:
    """Solves the task of an environment from its state; one action per inference (closed loop)."""

    name = "expert"
    execute = 1
    uses_pixels = False

    def __init__(self, env: SimEnv):
        self.env = env

    def reset(self, trial: Trial) -> None:
        """Nothing to forget."""

    def infer(self, observation: Observation, instruction: str) -> Inference:
        """A chunk of one action, (1, 10), and the reasoning phrase."""
        action, reasoning, _ = act(self.env)
        return Inference(action[None], reasoning)


def act(env: SimEnv, wording: int = 0) -> tuple[NDArray[np.float32], str, Skill | None]:
    """The action (10,), the reasoning phrase and the skill that chose it, from the present state.

    `wording`: which of a step's phrases is said, 0 its first.
    """
    step, skill = due(env.task.steps[env.steps_done :], env.world)
    target = skill.act(env.world) if skill else go_home(env.world, env.scene.clear)
    action = np.r_[target.pos, rot6d_from_matrix(target.mat), target.closed].astype(np.float32)
    return action, said(step, skill, env.world, wording) if step and skill else env.told(env.task.finished), skill


def sub_task(env: SimEnv) -> str | None:
    """The planner's words for what the expert turns to; None in a task without a planner, and when all is done."""
    step, _ = due(env.task.steps[env.steps_done :], env.world)
    return env.told(step.instruction) if step and step.instruction else None


def due(steps: tuple[Step, ...], world: World) -> tuple[Step | None, Skill | None]:
    """The first step on which something is to be done, and the skill that does it; nothing when all is done."""
    for step in steps:
        skill = step.skill.current(world) if isinstance(step.skill, FirstUnmet) else step.skill
        if skill is not None and not skill.reached(world):
            return step, skill
    return None, None


def said(step: Step, skill: Skill, world: World, wording: int = 0) -> str:
    """The reasoning phrase with the names of this layout."""
    phrases = (step.reasoning, *step.paraphrases)
    return phrases[wording % len(phrases)].format(**words(skill, world))

"""DAgger: the trained policy acts on training layouts, and the expert says what it would have done from there.

Where a policy goes wrong is where demonstrations never were. At each of its decisions the expert plays 16 steps from
the same state, in a branch that leaves no trace; the pair of what the action head saw and what the expert did is kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.types import HORIZON, Trial
from experiments import pool

FIRST_TRIAL = 100_000  # apart from the layouts of the demonstrations
EXPERT_SHARE = 0.25  # of the decisions the expert executes, so that the policy gets past where it is stuck


def correct(env: str, checkpoint: Path, out: Path, episodes: int, first: int = 0, workers: pool.Workers = 2) -> int:
    """Play `episodes` and write one `corrections_<trial>.npz` each, with condition (n, D) and actions (n, 16, 10).

    Those that are there already are not played again. Returns how many decisions there are.
    """
    out.mkdir(parents=True, exist_ok=True)
    todo = [i for i in range(first, first + episodes) if not (out / f"corrections_{i:05d}.npz").exists()]
    for event in pool.run(partial(CorrectingWorker, env, checkpoint, out), todo, workers):
        if isinstance(event, pool.Died):
            raise RuntimeError(f"a process died ({event.reason}) in episode {event.item}; the same command goes on from what is finished")
        if isinstance(event, pool.Done):
            print(json.dumps(event.result), flush=True)
    return sum(len(np.load(p)["condition"]) for p in out.glob("corrections_*.npz"))


class CorrectingWorker:
    """A worker of `experiments.pool` that plays one episode an item."""

    def __init__(self, env: str, checkpoint: Path, out: Path) -> None:
        self._play = partial(play, env, checkpoint, out)

    def __call__(self, index: int, tell: Callable[[Any], None]) -> dict:
        return self._play(index)

    def close(self) -> None:
        """Nothing: each episode closes its own env."""


def play(env_name: str, checkpoint: Path, out: Path, index: int) -> dict:
    """One episode of the policy with the expert's corrections."""
    from envs.expert import act, sub_task
    from envs.sim_env import SimEnv
    from policy.inference import ChatVLAPolicy

    env, policy = SimEnv(env_name), ChatVLAPolicy.from_pretrained(checkpoint)
    trial = Trial(env_name, FIRST_TRIAL + index, split="train")
    rng = trial.rng("correct")
    observation, _ = env.reset(options={"trial": trial})
    policy.reset(trial)
    conditions, actions = [], []
    while not (env.terminated or env.truncated):
        decision = policy.decide(observation, sub_task(env) or env.instruction)
        chunk = expert_chunk(env)
        if decision.inference.reasoning == act(env)[1]:
            conditions.append(decision.condition)
            actions.append(chunk)
        executed = chunk if rng.random() < EXPERT_SHARE else decision.inference.action_chunk
        observation, *_ = env.step_chunk(executed[: policy.execute])
    path = out / f"corrections_{index:05d}.npz"
    np.savez(path.with_suffix(".tmp.npz"), condition=np.array(conditions, np.float32), actions=np.array(actions, np.float32))
    os.replace(path.with_suffix(".tmp.npz"), path)
    env.close()
    return {"trial": index, "decisions": len(actions), "steps_done": env.steps_done, "seconds": env.control_steps / 15}


def expert_chunk(env) -> NDArray[np.float32]:
    """(16, 10): what the expert does from here; the environment is left as it was."""
    from envs.expert import act

    with env.branch():
        chunk = []
        for _ in range(HORIZON):
            chunk.append(act(env)[0])
            env.advance(chunk[-1])
    return np.array(chunk, np.float32)

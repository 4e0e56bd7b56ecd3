"""Trials on a pool of workers: each plays one trial at a time, of whatever task; rows do not depend on who plays them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.types import Policy, Trial
from experiments import pool
from experiments.planners import NO_PLANNER, Planner
from experiments.pushes import PushRecorder
from experiments.results import Result
from experiments.rollout import Provenance, Recorder, rollout
from experiments.tape import TapeRecorder
from experiments.video import VideoRecorder


@dataclass(frozen=True)
class EnvRun:
    """What the trials of one env have in common: where their rows come from and go to, and who plans."""

    provenance: Provenance
    out: Path
    planner: Planner = NO_PLANNER


@dataclass(frozen=True)
class Job:
    """What a worker needs; `make_env(name)` and `make_policy(env)` are picklable and called in the worker.

    `policy_per_env`: the policy is made for one env (the expert is); others are loaded once per worker.
    """

    make_env: Callable[[str], Any]
    make_policy: Callable[[Any], Policy]
    runs: Mapping[str, EnvRun]
    video: str = "all"
    policy_per_env: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class Said:
    """News of a running trial."""

    env: str
    trial: int
    text: str
    steps_done: int


Event = Said | Result


def run_trials(job: Job, trials: Sequence[Trial], workers: pool.Workers) -> Iterator[Event]:
    """Yield `Said` and `Result` events as they come; a worker that dies leaves an error row for its trial."""
    for event in pool.run(partial(Player, job), trials, workers):
        if isinstance(event, pool.Died):
            yield _died(job, event)
        else:
            yield event.what if isinstance(event, pool.News) else event.result


class Player:
    """Env and policy of one process: the env is made anew when the task changes, both after an error."""

    def __init__(self, job: Job) -> None:
        self.job, self.name = job, ""
        self.env: Any = None
        self.policy: Any = None

    def __call__(self, trial: Trial, tell: Callable[[Event], None]) -> Result:
        # It knows the simulator, which only the process that uses it imports.
        from experiments.failures.watch import FailureRecorder

        run = self.job.runs[trial.env]
        self._prepare(trial.env)
        recorders: list[Recorder] = [Teller(trial, tell), TapeRecorder(run.out, trial.index), FailureRecorder(), PushRecorder()]
        if self.job.video != "none":
            recorders.append(VideoRecorder(run.out, trial.index, self.job.video))
        result = rollout(self.env, self.policy, trial, recorders, run.provenance, run.planner)
        if result.outcome == "error":
            self.close()
        return result

    def close(self) -> None:
        """Free the env and end a policy's connection."""
        if hasattr(self.policy, "close"):
            self.policy.close()
        if self.env is not None:
            self.env.close()
        self.env = self.policy = None

    def _prepare(self, name: str) -> None:
        if self.env is not None and self.name != name:
            self.env.close()
            self.env = None
            if self.job.policy_per_env:
                self.policy = None
        if self.env is None:
            self.env, self.name = self.job.make_env(name), name
        if self.policy is None:
            self.policy = self.job.make_policy(self.env)


class Teller:
    """A recorder that tells what is said and how far the trial got."""

    def __init__(self, trial: Trial, tell: Callable[[Event], None]) -> None:
        self._trial, self._tell = trial, tell
        self._text, self._done = "", -1

    def start(self, env: Any) -> None:
        """Nothing yet."""

    def say(self, env: Any, text: str) -> None:
        """New words."""
        self._text = text
        self._tell(Said(self._trial.env, self._trial.index, text, env.steps_done))

    def execute(self, actions: NDArray[np.float32]) -> None:
        """Nothing."""

    def step(self, env: Any) -> None:
        """Told when another step of the task is done."""
        if env.steps_done != self._done:
            self._done = env.steps_done
            self._tell(Said(self._trial.env, self._trial.index, self._text, self._done))

    def end(self, outcome: str) -> Mapping[str, str]:
        """The row itself is told."""
        return {}


def _died(job: Job, event: pool.Died) -> Result:
    trial: Trial = event.item
    return Result(
        trial.env, trial.index, trial.seed, trial.split, trial.shift, outcome="error",
        error=f"the worker process died ({event.reason}) during this trial", **asdict(job.runs[trial.env].provenance),
    )  # fmt: skip

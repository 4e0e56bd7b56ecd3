"""What a collecting process does: record one demonstration, or one batch of made-up scenes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from envs.dataset_files import EpisodeWriter
from envs.snapshots import Snapshot, write_shard
from envs.types import Policy, Trial

AFTERWARDS = 12  # control steps recorded after all is done: the arm returns, the policy learns to stop
WORDINGS = 60  # a draw of a phrase: divisible by every number of paraphrases up to 6
DATASET, SNAPSHOTS = "dataset", "snapshots"


@dataclass(frozen=True)
class EpisodeJob:
    """Record the demonstration of one trial into its slot, and a snapshot every so many frames (0: none).

    `motion`: how the arm is led. `after`: a checkpoint's folder and digest, whose policy acts first and hands over (`experiments.correct`).
    """

    root: Path
    trial: Trial
    noisy: bool
    snapshot_every: int
    motion: str = "step"
    after: tuple[str, str] | None = None

    @property
    def shard(self) -> str:
        return f"episode_{self.trial.index:05d}"


@dataclass(frozen=True)
class StillsJob:
    """Make up `count` scenes with the kinds of one trial."""

    root: Path
    trial: Trial
    count: int

    @property
    def shard(self) -> str:
        return f"still_{self.trial.split}_{self.trial.index:05d}"


Job = EpisodeJob | StillsJob


@dataclass(frozen=True)
class Outcome:
    """What came of a job: `kind` is episode or stills; `failure` says why an episode was kept out; `corrected`: of which checkpoint (its digest)."""

    kind: str
    index: int
    noisy: bool = False
    frames: int = 0
    snapshots: int = 0
    steps_done: int = 0
    failure: str | None = None
    seconds: float = 0.0
    corrected: str | None = None


class RecordingWorker:
    """A worker of `experiments.pool` that does jobs."""

    def __call__(self, job: Job, tell: Callable[[Any], None]) -> Outcome:
        return run_job(job)

    def close(self) -> None:
        """Free the environments."""
        for env in _ENVS.values():
            env.close()
        _ENVS.clear()


def run_job(job: Job) -> Outcome:
    """Do a job in this process; the environment is made once per process."""
    start = time.perf_counter()
    outcome = _record_episode(job) if isinstance(job, EpisodeJob) else _record_stills(job)
    corrected = job.after[1] if isinstance(job, EpisodeJob) and job.after else None
    return replace(outcome, corrected=corrected, seconds=round(time.perf_counter() - start, 2))


def _record_episode(job: EpisodeJob) -> Outcome:
    from envs.expert import act, sub_task  # the simulator is imported in the process that uses it
    from envs.sim_env import ResetError
    from experiments.correct import hand_over
    from experiments.disturb import Disturbance

    env, trial = _env(job.trial.env, job.motion), job.trial
    try:
        if job.after:
            observation = hand_over(env, _policy(job.after[0]), trial)
        else:
            observation, _ = env.reset(options={"trial": trial})
    except ResetError as error:
        return Outcome("episode", trial.index, job.noisy, failure=f"reset: {error}")
    rng = trial.rng("collect")
    disturbance = Disturbance(rng) if job.noisy else None
    offset = int(rng.integers(max(1, job.snapshot_every)))
    snapshots: list[Snapshot] = []
    note = {"trial": trial.__dict__, "noisy": job.noisy, **({"corrected": job.after[1]} if job.after else {})}
    words = trial.rng("words")
    instructions = (env.task.instruction, *env.task.paraphrases)
    instruction, wording = env.told(instructions[int(words.integers(len(instructions)))]), int(words.integers(WORDINGS))
    with EpisodeWriter(job.root / DATASET, trial.index, sub_task(env) or instruction, note) as writer:
        remaining = None
        for k in itertools.count():
            if planned := sub_task(env):
                writer.tell(planned)
            action, reasoning, skill = act(env, wording)
            if job.snapshot_every and k % job.snapshot_every == offset:
                snapshots.append(_snapshot(env, observation, trial, k))
            target = np.full(6, np.nan)
            if skill:
                target = np.r_[env.world.pos(skill.object), _goal_pos(env.world, skill)]
            executed = disturbance(action, env.world, skill) if disturbance and remaining is None else action
            seen = observation
            observation, reward, done, truncated, info = env.step(executed)
            remaining = AFTERWARDS if done and remaining is None else remaining
            last = remaining == 0
            subtask = f"{skill.object} to {skill.goal}" if skill else "done"
            writer.add(seen, action, reasoning, subtask, target, reward=reward, done=last, success=done)
            if truncated or env.reflex:
                return Outcome("episode", trial.index, job.noisy, steps_done=info["steps_done"], failure=info.get("error", "time limit"))
            if last:
                break
            remaining = remaining - 1 if remaining is not None else None
        write_shard(job.root / SNAPSHOTS, job.shard, snapshots)
        writer.commit()
    return Outcome("episode", trial.index, job.noisy, len(writer), len(snapshots), info["steps_done"])


def _goal_pos(world, skill) -> np.ndarray:
    """(3,) m: the thing where the object goes, or the place itself where that is no thing of the layout."""
    known = skill.goal in world.roles or skill.goal in world.fixtures
    return world.pos(skill.goal) if known else skill.target(world)


def _record_stills(job: StillsJob) -> Outcome:
    from envs.stills import stills

    snapshots = list(stills(_env(job.trial.env), job.trial, job.count))
    write_shard(job.root / SNAPSHOTS, job.shard, snapshots)
    return Outcome("stills", job.trial.index, snapshots=len(snapshots))


def _snapshot(env, observation, trial: Trial, frame: int) -> Snapshot:
    from envs.capture import take

    name = f"{trial.env}_{trial.split}_episode_{trial.seed}_{trial.index:05d}_{frame:04d}"
    return take(env, observation, name, False, seed=trial.seed, trial=trial.index, frame=frame)


_ENVS: dict = {}


@cache
def _policy(checkpoint: str) -> Policy:
    from policy.inference import ChatVLAPolicy

    return ChatVLAPolicy.from_pretrained(checkpoint)


def _env(name: str, motion: str = "step"):
    """The environment of a task; jobs come task by task, so that the one before is not needed any more."""
    if (name, motion) not in _ENVS:
        from envs.sim_env import SimEnv

        for other in _ENVS.values():
            other.close()
        _ENVS.clear()
        _ENVS[name, motion] = SimEnv(name, motion=motion)
    return _ENVS[name, motion]

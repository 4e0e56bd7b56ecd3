"""DAgger by handing over (HG-DAgger, Kelly et al. 2019): the policy acts on a layout of training up to a moment, from there the expert.

Where a policy goes wrong is where demonstrations never were. What the expert does from there is recorded as a
demonstration like any other, beside those that begin at the start, so that every stage of training, of this network and
of any other, learns from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envs.dataset_files import data_file, read_note
from envs.types import CONTROL_HZ, Observation, Policy, Trial
from experiments import pool
from experiments.collect import SUMMARY, CollectConfig, record
from experiments.errors import UsageError
from experiments.recording import DATASET, EpisodeJob

if TYPE_CHECKING:
    from envs.sim_env import SimEnv

FIRST_TRIAL = 100_000  # apart from the layouts of the demonstrations
LATEST = 0.5  # of a trial's time: no longer does the policy act, so that the expert has time to finish


def correct(roots: Mapping[str, Path], checkpoint: Path, digest: str, episodes: int, workers: pool.Workers = 2) -> list[dict[str, Any]]:
    """Record what is missing of `episodes` of each task in which the policy of `checkpoint` hands over, into the data of its root.

    Those of another checkpoint (another `digest`) stay where they are and do not count. Gives the tasks' summaries.

    Raises:
        UsageError: nothing has been collected in a root, or of another task.
    """
    configs = [_as_collected(env, root, workers) for env, root in roots.items()]
    return record([(config, partial(missing, config, (str(checkpoint), digest), episodes)) for config in configs])


def missing(config: CollectConfig, after: tuple[str, str], episodes: int, summary: Mapping[str, Any]) -> Iterator[EpisodeJob]:
    """Jobs for the first slots that no checkpoint has used, as many as that of `after` (folder, digest) lacks; those that failed count."""
    failed = {f["index"]: f.get("corrected") for f in summary["failures"]}
    index, counted = FIRST_TRIAL, 0
    while counted < episodes:
        file = data_file(config.root / DATASET, index)
        if index not in failed and not file.exists():
            yield EpisodeJob(config.root, Trial(config.env, index, config.seed, "train", config.shift), False, config.snapshot_every, config.motion, after)
            counted += 1
        else:
            counted += (failed[index] if index in failed else read_note(file).get("corrected")) == after[1]
        index += 1


def _as_collected(env: str, root: Path, workers: pool.Workers) -> CollectConfig:
    path = root / SUMMARY
    if not path.is_file():
        raise UsageError(f"corrections are added to demonstrations, but {root} has none; run stage=collect first, or give collect.out=")
    summary = json.loads(path.read_text())
    if summary["config"]["env"] != env:
        raise UsageError(f"{root} has demonstrations of {summary['config']['env']}, not of {env}; give collect.out= its own folder")
    return CollectConfig(**summary["config"], **summary.get("made", {}), out=str(root), workers=workers)


def hand_over(env: SimEnv, policy: Policy, trial: Trial) -> Observation:
    """Let the policy act on the trial up to a random moment of it; gives what is seen then.

    The moment lies anywhere in the first half of the trial's time, where a policy that is stuck is stuck already; if the
    policy has done everything before, or its arm has stopped itself, anywhere in what that took, and the trial is played anew.
    """
    rng = trial.rng("hand over")
    steps = int(rng.integers(int(LATEST * env.task.time_limit_s * CONTROL_HZ)))
    while True:
        observation, _ = env.reset(options={"trial": trial})
        policy.reset(trial)
        while env.control_steps < steps and not (env.terminated or env.reflex):
            chunk = policy.infer(observation, _told(env)).action_chunk[: policy.execute]
            observation, *_ = env.step_chunk(chunk[: steps - env.control_steps])
        if not (env.terminated or env.reflex):
            return observation
        steps = int(rng.integers(env.control_steps))


def _told(env: SimEnv) -> str:
    from envs.expert import sub_task

    return sub_task(env) or env.instruction

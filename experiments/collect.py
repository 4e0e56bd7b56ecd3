"""Collects training data: the expert's demonstrations, snapshots, questions about them, and the decoded cache.

    outputs/data/sort_toys/
      dataset/      LeRobot v3: one file an episode, three videos
      snapshots/    pictures with segmentation and facts: every 12th frame of an episode, and made-up scenes
      questions/    LLaVA JSONL: train.jsonl, test.jsonl, and the test pictures
      cache/        decoded 160x120 frames, what training reads
      cameras.json  how the cameras that stand still see points of the base frame
      collect.json  what happened: counts, the expert's failures

Every part is written whole or not at all, so an interrupted collection goes on where it was.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from envs.dataset import build_cache, open_dataset, repair
from envs.dataset_files import data_file
from envs.names import MOTIONS, TASK_NAMES, TRAINING_SHIFTS, checked_name
from envs.snapshots import shard_file
from envs.types import Split, Trial
from experiments import pool
from experiments.recording import DATASET, SNAPSHOTS, EpisodeJob, Job, Outcome, RecordingWorker, StillsJob
from experiments.scene_questions import write_questions
from policy.progress import Counting

STILLS_SEED = 1_000_000  # apart from every episode's trial
SUMMARY, CAMERAS = "collect.json", "cameras.json"
JobsLeft = Callable[[dict[str, Any]], Iterable[Job]]  # what is to be done yet, of a task's summary


@dataclass(frozen=True)
class CollectConfig:
    """What to collect.

    Args:
        episodes: demonstrations to attempt, on training layouts; those that fail are kept out and counted.
        noisy_share: share of the episodes in which the expert is disturbed.
        snapshot_every: frames between the snapshots of an episode; 0 = none.
        stills, test_stills: made-up scenes of training and of test layouts; `stills_per_model` share one compiled model.
        cache_every: of each episode's frames, one in so many is decoded for training.
        pictures: cameras per snapshot that questions are asked about, 1 to 3.
        shift: `none`, or `train` for the mild randomisation that training may use.
        motion: how the arm is led (`envs.motion`); with `smooth` a demonstration in which it stops itself has failed.
        workers: processes; 0 = in this one; `ray` = those of a Ray cluster whose nodes see `out`.
    """

    env: str = "sort_toys"
    episodes: int = 500
    out: str | None = None
    seed: int = 0
    workers: pool.Workers = 2
    noisy_share: float = 0.5
    snapshot_every: int = 12
    stills: int = 6000
    test_stills: int = 600
    stills_per_model: int = 25
    cache_every: int = 1
    pictures: int = 1
    shift: str = "none"
    motion: str = "step"

    def __post_init__(self) -> None:
        checked_name(self.env, TASK_NAMES, "env")
        checked_name(self.shift, TRAINING_SHIFTS, "collect.shift")
        checked_name(self.motion, MOTIONS, "motion")
        for name, low in (("episodes", 0), ("workers", 0), ("snapshot_every", 0), ("stills", 0), ("test_stills", 0), ("stills_per_model", 1), ("cache_every", 1)):
            value = getattr(self, name)
            if value != "ray" and value < low:
                raise ValueError(f"{name}={value}, expected at least {low}")
        if not 0 <= self.noisy_share <= 1:
            raise ValueError(f"noisy_share={self.noisy_share}, expected 0 to 1")
        if self.pictures not in (1, 2, 3):
            raise ValueError(f"pictures={self.pictures}, expected 1, 2 or 3 cameras per snapshot")

    @property
    def root(self) -> Path:
        """Where the data go."""
        return Path(self.out or f"outputs/data/{self.env}")


def collect(*configs: CollectConfig) -> list[dict[str, Any]]:
    """Collect what is missing of each task, all in one pool of workers; gives their summaries, which are also in `collect.json`.

    Raises:
        ValueError: a folder holds data that another configuration collected.
    """
    return record([(config, partial(_missing, config)) for config in configs])


def record(wanted: Sequence[tuple[CollectConfig, JobsLeft]]) -> list[dict[str, Any]]:
    """Do the jobs that are left, and make of all that is there then what training reads, a task as soon as its last job is done."""
    collections = [_Collection.begin(config, jobs) for config, jobs in wanted]
    of_root = {c.config.root: c for c in collections}
    with Counting("collect", sum(c.left for c in collections)) as counting:
        for c in collections:
            if not c.left:
                c.finish()
        for job, outcome in _run([job for c in collections for job in c.todo], wanted[0][0].workers):
            of_root[job.root].enter(outcome)
            counting.advance(what=of_root[job.root].described)
    return [c.summary for c in collections]


@dataclass
class _Collection:
    """A task's data while they are recorded: what is to be done, how much of that is left, and what came of it so far."""

    config: CollectConfig
    todo: list[Job]
    summary: dict[str, Any]
    left: int

    @classmethod
    def begin(cls, config: CollectConfig, jobs: JobsLeft) -> _Collection:
        report = repair(config.root / DATASET)
        if report.dropped:
            Console().print(str(report), highlight=False)
        summary = _read_summary(config)
        todo = list(jobs(summary))
        return cls(config, todo, summary, len(todo))

    def enter(self, outcome: Outcome) -> None:
        _enter(self.summary, outcome)
        _write_summary(self.config.root, self.summary)
        self.left -= 1
        if not self.left:
            self.finish()

    def finish(self) -> None:
        config, root = self.config, self.config.root
        repair(root / DATASET)
        dataset = open_dataset(root / DATASET)
        self.summary |= {"episodes": len(dataset.episodes), "frames": len(dataset)}
        _write_json(root / CAMERAS, _projections(config.env))
        self.summary["questions"] = write_questions(root, config.seed, config.pictures)
        build_cache(root / DATASET, root / "cache", config.cache_every)
        self.summary["made"] = {"cache_every": config.cache_every, "pictures": config.pictures}
        _write_summary(root, self.summary)

    @property
    def described(self) -> str:
        count = sum((Counter(a) for a in self.summary["attempts"].values()), Counter())
        return f"{self.config.env}: {count['succeeded']}/{count['tried']} episodes, {self.summary['stills']} stills"


def _missing(config: CollectConfig, summary: dict[str, Any]) -> Iterator[Job]:
    """Jobs whose files are not there yet, still scenes first (they are short and cheap)."""
    root, failed = config.root, {f["index"] for f in summary["failures"]}
    wanted: tuple[tuple[Split, int], ...] = (("train", config.stills), ("test", config.test_stills))
    for split, total in wanted:
        for index, start in enumerate(range(0, total, config.stills_per_model)):
            trial = Trial(config.env, index, STILLS_SEED + config.seed, split, config.shift)
            job = StillsJob(root, trial, min(config.stills_per_model, total - start))
            if not shard_file(root / SNAPSHOTS, job.shard).exists():
                yield job
    for index in range(config.episodes):
        trial = Trial(config.env, index, config.seed, "train", config.shift)
        noisy = bool(trial.rng("noisy").random() < config.noisy_share)
        if index not in failed and not data_file(root / DATASET, index).exists():
            yield EpisodeJob(root, trial, noisy, config.snapshot_every, config.motion)


def _run(jobs: Sequence[Job], workers: pool.Workers) -> Iterator[tuple[Job, Outcome]]:
    """Jobs and outcomes as they come. Whatever ends the run (Ctrl-C, a full disk), finished jobs are on the disk."""
    for event in pool.run(RecordingWorker, jobs, workers):
        if isinstance(event, pool.Died):
            raise RuntimeError(f"a collecting process died ({event.reason}) at {event.item}; the same command goes on from what is finished")
        if isinstance(event, pool.Done):
            yield event.item, event.result


def _enter(summary: dict[str, Any], outcome: Outcome) -> None:
    summary["seconds"] = round(summary["seconds"] + outcome.seconds, 1)
    if outcome.kind == "stills":
        summary["stills"] += outcome.snapshots
        return
    kind = "corrected" if outcome.corrected else "noisy" if outcome.noisy else "clean"
    which = summary["attempts"].setdefault(kind, {"tried": 0, "succeeded": 0})
    which["tried"] += 1
    which["succeeded"] += outcome.failure is None
    summary["snapshots"] += outcome.snapshots
    if outcome.failure:
        told = {"index": outcome.index, "noisy": outcome.noisy, "steps_done": outcome.steps_done, "why": outcome.failure}
        summary["failures"].append(told | ({"corrected": outcome.corrected} if outcome.corrected else {}))


def _read_summary(config: CollectConfig) -> dict[str, Any]:
    """The summary of an interrupted run, or an empty one.

    Raises:
        ValueError: the folder holds data that another configuration collected.
    """
    root = config.root
    known = {k: v for k, v in asdict(config).items() if k in ("env", "seed", "noisy_share", "snapshot_every", "stills_per_model", "shift", "motion")}
    path = root / SUMMARY
    if path.is_file():
        summary = json.loads(path.read_text())
        summary["config"] = {"shift": "none", "motion": "step"} | summary["config"]  # folders that are older than these options
        if summary["config"] != known:
            changed = {k: (summary["config"][k], v) for k, v in known.items() if summary["config"][k] != v}
            raise ValueError(f"{root} was collected with other settings (there, here): {changed}; choose another out= or delete it")
        return summary
    counts = {"tried": 0, "succeeded": 0}
    return {
        "config": known, "attempts": {"clean": dict(counts), "noisy": dict(counts)}, "failures": [],
        "snapshots": 0, "stills": 0, "seconds": 0.0,
    }  # fmt: skip


def _projections(env: str) -> dict[str, Any]:
    """Of each camera that stands still: `envs.cameras.projection`. Under `shift=train` it stood about there."""
    from envs.cameras import projection
    from envs.scenes import SCENES
    from envs.tasks import get_task

    return {c.name: projection(c).tolist() for c in SCENES[get_task(env).scene].cameras if c.body == "world"}


def _write_summary(root: Path, summary: dict[str, Any]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    _write_json(root / SUMMARY, summary)


def _write_json(path: Path, values: dict[str, Any]) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_text(json.dumps(values, indent=1))
    os.replace(temporary, path)


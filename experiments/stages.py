"""What each stage does: collect demonstrations, train, evaluate, report."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from envs.types import Trial
from experiments import provenance
from experiments.config import Config, config_hash, identity
from experiments.display import Display
from experiments.errors import UsageError
from experiments.policies import LEARNED, make_policy
from experiments.report import write_report
from experiments.results import RESULTS_FILE, Result, ResultsWriter, read
from experiments.rollout import Provenance
from experiments.workers import Job, run_trials
from policy import tracking


def run_stage(config: Config, command: str) -> None:
    """Do what `config.stage` says."""
    for stage in ("collect", "train", "evaluate") if config.stage == "all" else (config.stage,):
        STAGES[stage](config, command)


def evaluate(config: Config, command: str) -> None:
    """Trials that are not finished yet, then the questions, then the report."""
    folder, known = config.out_dir, identity(config)
    trials = [Trial(config.env, i, config.seed, config.split, config.shift) for i in range(config.trial_count)]  # type: ignore[arg-type]
    job = Job(
        functools.partial(make_env, config.env, config.quality),
        functools.partial(make_named_policy, config.policy, config.checkpoint, str(config.data_dir)),
        Provenance(
            config.policy, config_hash(known), known["checkpoint"], known["checkpoint_hash"], config.clock, config.quality,
            provenance.commit(), provenance.gl(), provenance.versions(),
        ),
        folder,
        config.video,
    )  # fmt: skip
    rows = run_job(job, trials, config.workers, known, f"{config.env} · {config.policy} · {config.split}")
    if config.policy in LEARNED and config.questions:
        from experiments.asking import ask

        ask(config)
    report(config, command)
    _track(config, rows)


def run_job(job: Job, trials: list[Trial], workers: int, known: dict[str, Any], title: str) -> list[Result]:
    """Run the trials that OUT/results.jsonl lacks; every row is on the disk before the next is awaited."""
    with ResultsWriter(job.out, known) as writer:
        todo = [t for t in trials if t.index not in writer.finished]
        done = [row for row in writer.rows.values() if row.counted]
        with Display(title, len({t.index for t in trials} | writer.finished), done) as display:
            for event in run_trials(job, todo, workers):
                if isinstance(event, Result):
                    writer.append(event)
                display.show(event)
        return [writer.rows[k] for k in sorted(writer.rows)]


def report(config: Config, command: str) -> None:
    """Write report.md, report.html and summary.json from OUT's rows alone."""
    path = config.out_dir / RESULTS_FILE
    if not read(path):
        raise UsageError(f"no results in {path}; run stage=evaluate first, or give out=")
    summary = write_report(config.out_dir, command, [Path(p) for p in config.beside])
    Console().print(f"{summary}\n{config.out_dir}/report.html", highlight=False, soft_wrap=True, markup=False)


def collect(config: Config, command: str) -> None:
    """Record demonstrations of the expert."""
    from experiments.collect import CollectConfig
    from experiments.collect import collect as run

    run(CollectConfig(**_shared(config, config.collect, CollectConfig)))


def train(config: Config, command: str) -> None:
    """Train a policy on the demonstrations."""
    from policy.train import TrainConfig
    from policy.train import train as run

    run(TrainConfig(**_shared(config, config.train, TrainConfig)))


STAGES: dict[str, Callable[[Config, str], None]] = {"evaluate": evaluate, "report": report, "collect": collect, "train": train}


def make_env(name: str, quality: str) -> Any:
    """The simulated environment; imported in the process that uses it."""
    from envs.sim_env import SimEnv

    return SimEnv(name, quality=quality)


def make_named_policy(name: str, checkpoint: str | None, demonstrations: str, env: Any) -> Any:
    """`make_policy` with the env last, so that a partial of it can be sent to a worker."""
    return make_policy(name, env, checkpoint, demonstrations)


def _shared(config: Config, options: Any, target: type) -> dict[str, Any]:
    """A stage's own options, and those of the run that it has a field for."""
    wanted = {f.name for f in dataclasses.fields(target)}
    run = {name: getattr(config, name) for name in ("env", "seed", "workers", "wandb") if name in wanted}
    return run | dataclasses.asdict(options)


def _track(config: Config, rows: list[Result]) -> None:
    run = tracking.start_run(config.wandb, f"{config.env}-{config.policy}", dataclasses.asdict(config), config.out_dir)
    if run is None:
        return
    for row in rows:
        run.log({f"eval/{config.env}/steps_done": row.steps_done, f"eval/{config.env}/success": float(row.success), "trial": row.trial})
    run.finish()

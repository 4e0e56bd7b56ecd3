"""What each stage does: collect demonstrations, train, evaluate, report."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from envs import gl
from envs.types import Trial
from experiments import provenance
from experiments.config import Config, config_hash, identity
from experiments.display import Display
from experiments.errors import UsageError
from experiments.policies import LEARNED, make_policy
from experiments.report import write_report
from experiments.results import RESULTS_FILE, Result, ResultsWriter, read
from experiments.rollout import Provenance
from experiments.summary import QUESTIONS_FILE
from experiments.workers import Job, run_trials
from policy import tracking


def run_stage(config: Config, command: str) -> None:
    """Do what `config.stage` says."""
    if config.stage == "all":
        collect(config, command)
        config = dataclasses.replace(config, checkpoint=str(train(config, command)))
        evaluate(config, command)
    else:
        STAGES[config.stage](config, command)


def evaluate(config: Config, command: str) -> None:
    """Trials that are not finished yet, then the questions, then the report."""
    folder, known = config.out_dir, identity(config)
    if config.policy in LEARNED:
        check_checkpoint(known["checkpoint"])
    trials = [Trial(config.env, i, config.seed, config.split, config.shift) for i in range(config.trial_count)]  # type: ignore[arg-type]
    job = Job(
        functools.partial(make_env, config.env, config.quality),
        functools.partial(make_named_policy, config.policy, config.checkpoint, config.data_dir),
        Provenance(
            config.policy, config_hash(known), known["checkpoint"], known["checkpoint_hash"], config.clock, config.quality,
            provenance.commit(), command, gl.vendor(), provenance.versions(),
        ),
        folder,
        config.video,
    )  # fmt: skip
    rows = run_job(job, trials, config.workers, known, f"{config.env} · {config.policy} · {config.split}")
    ask_questions(config, known)
    report(config, command)
    _track(config, rows)


def check_checkpoint(folder: str) -> None:
    """Refuse a checkpoint that is not whole or was made for another contract, before any worker starts."""
    from policy.checkpoint import check_contract

    try:
        check_contract(folder)
    except (ValueError, FileNotFoundError) as error:
        raise UsageError(str(error)) from error


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
    summary = write_report(config.out_dir, [Path(p) for p in config.beside])
    Console().print(f"{summary}\n{config.out_dir}/report.html", highlight=False, soft_wrap=True, markup=False)


def ask_questions(config: Config, known: dict[str, Any]) -> None:
    """OUT/questions.json from a policy that can answer, unless OUT has it already."""
    path = config.out_dir / QUESTIONS_FILE
    if config.policy not in LEARNED or not config.questions or path.exists():
        return
    from policy.inference import ChatVLAPolicy

    Console().print(f"asking {config.questions} questions about held-out scenes", highlight=False)
    from experiments.asking import ask_policy

    ask_policy(ChatVLAPolicy.from_pretrained(known["checkpoint"]), config.env, config.seed, config.questions, config.out_dir)


def collect(config: Config, command: str) -> None:
    """Record demonstrations of the expert, scenes, and questions about them."""
    from experiments.collect import CollectConfig
    from experiments.collect import collect as run

    try:
        wanted = CollectConfig(env=config.env, seed=config.seed, workers=config.workers, **_given(config.collect))
        run(wanted)
    except ValueError as error:
        raise UsageError(str(error)) from error


def train(config: Config, command: str) -> Path:
    """Train a policy on the data; gives its checkpoint folder."""
    from policy.train import TrainConfig
    from policy.train import train as run

    if config.train.init is not None:
        check_checkpoint(config.train.init)
    options = _given(config.train) | {"stages": tuple(config.train.stages), "out": str(config.train_dir)}
    return run(TrainConfig(data=str(config.data_dir), seed=config.seed, wandb=config.wandb, **options))


def correct(config: Config, command: str) -> None:
    """Let the policy act on training layouts and record what the expert would have done."""
    from experiments.correct import correct as run

    if config.policy not in LEARNED:
        raise UsageError(f"policy '{config.policy}' learns nothing from corrections; choose policy={LEARNED[0]}")
    checkpoint = identity(config)["checkpoint"]
    check_checkpoint(checkpoint)
    decisions = run(config.env, Path(checkpoint), config.data_dir / "corrections", config.corrections, workers=max(1, config.workers))
    Console().print(f"{decisions} decisions in {config.data_dir}/corrections; now stage=train train.stages=[4_correct]", highlight=False)


STAGES: dict[str, Callable[[Config, str], object]] = {
    "evaluate": evaluate, "report": report, "collect": collect, "train": train, "correct": correct
}  # fmt: skip


def make_env(name: str, quality: str) -> Any:
    """The simulated environment; imported in the process that uses it."""
    from envs.sim_env import SimEnv

    return SimEnv(name, quality=quality)


def make_named_policy(name: str, checkpoint: str | None, data: Path, env: Any) -> Any:
    """`make_policy` with the env last, so that a partial of it can be sent to a worker."""
    return make_policy(name, env, checkpoint, data)


def _given(options: Any) -> dict[str, Any]:
    """A stage's options, less those left to their default."""
    return {k: v for k, v in dataclasses.asdict(options).items() if v is not None}


def _track(config: Config, rows: list[Result]) -> None:
    run = tracking.start_run(config.wandb, f"{config.env}-{config.policy}", dataclasses.asdict(config), config.out_dir)
    if run is None:
        return
    for row in rows:
        run.log({f"eval/{config.env}/steps_done": row.steps_done, f"eval/{config.env}/success": float(row.success), "trial": row.trial})
    run.finish()

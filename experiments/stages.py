"""What each stage does: collect demonstrations, train (or tell what that would cost), evaluate, correct, report, replay, understand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from experiments.config import Config
from experiments.errors import UsageError
from experiments.evaluation import check_checkpoint, evaluate, report
from experiments.policies import checkpoint_dir, checkpoint_hash


def run_stage(config: Config, command: str) -> None:
    """Do what `config.stage` says."""
    if config.stage == "all":
        collect(config, command)
        config = dataclasses.replace(config, checkpoint=str(train(config, command)))
        evaluate(config, command)
    else:
        STAGES[config.stage](config, command)


def collect(config: Config, command: str) -> None:
    """Record demonstrations of the expert, scenes, and questions about them, for each task."""
    from experiments.collect import CollectConfig
    from experiments.collect import collect as run

    given = {"seed": config.seed, "motion": config.motion} | _given(config.collect)
    wanted: list[dict[str, Any]] = [given | {"env": env, "workers": config.pool, "out": str(config.data_dir(env))} for env in config.envs]
    try:
        run(*(CollectConfig(**values) for values in wanted))
    except ValueError as error:
        raise UsageError(str(error)) from error


def train(config: Config, command: str) -> Path:
    """Train a policy on the data; gives its checkpoint folder."""
    from policy.train import train as run

    if config.train.init is not None:
        check_checkpoint(config.train.init)
    wanted, _ = training(config)
    return run(wanted)


def dry_run(config: Config, command: str) -> None:
    """Print what the training would cost, stage by stage; nothing is read or written."""
    from policy.dry_run import dry_run as run
    from policy.train import setting
    from policy.train_config import network

    wanted, stages = training(config)
    run(network(wanted), stages, setting(wanted, stages[0]), Console())


def training(config: Config) -> tuple[Any, Any]:
    """The training that the configuration asks for, and its stages."""
    from policy.train_config import TrainConfig, check, selected

    options = _given(config.train) | {"stages": tuple(config.train.stages), "lora_parts": tuple(config.train.lora_parts)}
    folders = tuple(str(config.data_dir(env)) for env in config.envs)
    data = folders if config.is_group else folders[0]
    wanted = TrainConfig(**{**options, "data": data, "out": str(config.train_dir), "seed": config.seed, "wandb": config.wandb})
    try:
        stages = selected(wanted)
        check(wanted, stages)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return wanted, stages


def correct(config: Config, command: str) -> None:
    """Let the policy act on training layouts, and record how the expert goes on from where it has come to, for each task."""
    from experiments.correct import correct as run

    folder = checkpoint_dir(config.policy, config.checkpoint)
    if folder is None:
        raise UsageError(f"policy '{config.policy}' learns nothing from corrections; choose policy=chatvla_tiny, or give checkpoint=")
    check_checkpoint(str(folder))
    run({env: config.data_dir(env) for env in config.envs}, folder, str(checkpoint_hash(folder)), config.corrections, config.pool)
    told = f'now stage=train train.init={folder} "train.stages=[2_cotrain,3_head]" and a train.out= of its own'
    Console().print(f"{config.corrections} episodes of each task tried; {told}", highlight=False, soft_wrap=True)


def replay(config: Config, command: str) -> None:
    """Repeat the recorded trials of OUT and print how far they drift."""
    from experiments.replay import print_replays, replay_folder

    folders = [config.env_dir(env) for env in config.envs]
    replays = [r for folder in folders for r in replay_folder(folder)]
    if not replays:
        raise UsageError(f"no recorded trial in {config.out_dir}; run stage=evaluate first, or give out= and env= as that run had them")
    print_replays(replays)


def robustness(config: Config, command: str) -> None:
    """Evaluate the same trials under every shift, each in OUT/<shift>, and as many layouts of training; report what breaks the policy."""
    from experiments.gaps import LEVELS
    from experiments.robustness import level_options, write_robustness

    if config.shift != "none":
        raise UsageError(f"stage=robustness runs every shift; leave shift={config.shift} out, or choose stage=evaluate")
    out = config.out_dir if config.out else config.out_dir.with_name(f"{config.out_dir.name}-robustness")
    told = ""
    for level in LEVELS:
        if options := level_options(level, config.split):
            evaluate(dataclasses.replace(config, **options, out=str(out / level), questions=0, beside=[]), command)
            told = write_robustness(out, config.envs, config.is_group, command)  # anew after each: a run that is cut short has its report
    Console().print(f"{told}\n{out}/report.html", highlight=False, soft_wrap=True, markup=False)


def understand(config: Config, command: str) -> None:
    """Answer the understanding benchmarks and report them beside the paper's Table 1."""
    from experiments.understanding.stage import Plan
    from experiments.understanding.stage import understand as run

    assert config.data is not None
    folder = Path(config.path) if config.path else checkpoint_dir(config.policy, config.checkpoint)
    assert folder is not None
    if not folder.is_dir():
        raise UsageError(f"no folder {folder}; give path= the folder of a model")
    if config.path is None:
        check_checkpoint(str(folder))
    run(
        Plan(
            folder.name if config.path else config.policy, config.policy, folder, str(checkpoint_hash(folder)), config.benchmarks,
            Path(config.data), config.understand.protocol, config.answers_dir, config.understand.batch, config.understand.limit,
            config.pool, tuple(map(Path, config.beside)),
        ),
        command,
    )  # fmt: skip


STAGES: dict[str, Callable[[Config, str], object]] = {
    "evaluate": evaluate, "report": report, "collect": collect, "train": train, "dry_run": dry_run, "correct": correct, "replay": replay,
    "robustness": robustness, "understand": understand,
}  # fmt: skip


def _given(options: Any) -> dict[str, Any]:
    """A stage's options, less those left to their default."""
    return {k: v for k, v in dataclasses.asdict(options).items() if v is not None}

"""Trains a ChatVLA through its stages; called again, it goes on where it stopped.

Each stage leaves a checkpoint folder `out/<stage>/checkpoint`, which marks it as done; while it runs,
`out/<stage>/resume/last.ckpt` holds everything that resuming needs. `out/training_log.csv` has one row in twenty steps.
"""

from __future__ import annotations

import os
from dataclasses import asdict, fields
from pathlib import Path

import torch
from rich.console import Console

from policy import checkpoint, fingerprint, localisation
from policy.chatvla import ChatVLA
from policy.datamodule import Numbered
from policy.features import FeatureBatches, cached_features
from policy.feed_forward import copy_experts
from policy.fit import FitSetting, fit_stage
from policy.inference import ChatVLAPolicy
from policy.llava import LlavaRows, skipped_count
from policy.llava_index import LlavaIndex
from policy.processor import Processor
from policy.qa import write_accuracy
from policy.rows import Batches
from policy.stages import Stage
from policy.start import before, check_same_network, checkpoint_done, start
from policy.train_config import TrainConfig, check, selected

SKIPPED = "llava_skipped.jsonl"  # records of visual-text data that could not be read


def train(config: TrainConfig, stages: tuple[Stage, ...] | None = None) -> Path:
    """Runs what is left of the stages; returns the folder of the last checkpoint.

    Raises:
        ValueError: an unknown preset or stage, with the nearest name; an `init` that is no checkpoint of the preset; an
            `out` with a checkpoint of another network.
        FileNotFoundError: no recorded data, with the command that makes it.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.set_float32_matmul_precision("high")
    out, todo = Path(config.out), stages if stages is not None else selected(config)
    check(config, todo)
    out.mkdir(parents=True, exist_ok=True)
    last = before(config, todo[0])
    for stage in todo:
        folder = out / stage.name
        if checkpoint_done(folder):
            check_same_network(config, checkpoint.read_config(folder / "checkpoint"), folder)
        else:
            policy, processor = start(config, last)
            policy = run_stage(config, stage, policy, processor)
            if is_first_process():
                save_whole(folder / "checkpoint", policy, processor, card(config, stage, todo))
            if config.questions and policy.config.speaks and is_first_process():
                write_accuracy(folder, policy, processor, config.tasks, config.questions)
            if config.questions and policy.positions is not None and is_first_process():
                localisation.write(folder, ChatVLAPolicy(policy, processor), config.tasks, max(1, config.questions // len(config.tasks)))
            if config.llava is not None and is_first_process():
                tell_skipped(config)
            wait_for_all()
        last = folder / "checkpoint"
    assert last is not None
    return last


def run_stage(config: TrainConfig, stage: Stage, policy: ChatVLA, processor: Processor) -> ChatVLA:
    """Trains one stage to its end; gives the network with the averaged weights (see `policy.fit.fit_stage`)."""
    if stage.copy_expert:
        copy_experts(policy)
    return fit_stage(stage, policy, batches(config, stage, policy, processor), setting(config, stage))


def setting(config: TrainConfig, stage: Stage) -> FitSetting:
    """What the config says of how and where a stage runs."""
    shared = {f.name: getattr(config, f.name) for f in fields(FitSetting) if hasattr(config, f.name)}
    minutes = config.minutes * stage.share_of_minutes if config.minutes else None
    return FitSetting(**{**shared, "folder": Path(config.out), "minutes": minutes})


def save_whole(folder: Path, policy: ChatVLA, processor: Processor, card: dict) -> None:
    """Writes a checkpoint that appears whole or not at all: its folder marks the stage as done."""
    half = folder.with_name(f"{folder.name}.part")
    checkpoint.save(half, policy, processor.tokenizer, card)
    half.rename(folder)


def is_first_process() -> bool:
    """Whether this process writes; True where there is only one."""
    return not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0


def wait_for_all() -> None:
    """Until every process that trains has come here."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()


def batches(config: TrainConfig, stage: Stage, policy: ChatVLA, processor: Processor) -> Numbered:
    """Where the stage's batches come from: recorded data, or conditions of its frames under the frozen network."""
    if not stage.features:
        return Batches(config.tasks, processor, stage, config.seed, llava=llava_rows(config, stage))
    source = Batches(config.tasks, processor, stage, config.seed)
    path = Path(config.out) / stage.name / "conditions.pt"
    policy.to(f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() and config.accelerator != "cpu" else "cpu")
    index, condition = cached_features(policy, source, path, limit=config.feature_frames)
    return FeatureBatches(source.frames, index, condition, stage.mixture.robot, config.seed)


def llava_rows(config: TrainConfig, stage: Stage) -> LlavaRows | None:
    """The visual-text data that the config names, for a stage that answers."""
    if config.llava is None or not stage.mixture.understanding:
        return None
    count = round(config.llava_share * stage.mixture.understanding)
    index = LlavaIndex.of(Path(config.llava), Path(config.out) / "llava")
    return LlavaRows(index, Path(config.images or Path(config.llava).parent), count, Path(config.out) / SKIPPED)


def tell_skipped(config: TrainConfig) -> None:
    """Prints how many records of the visual-text data were passed over so far, and where it says why."""
    path = Path(config.out) / SKIPPED
    count = skipped_count(path)
    if count:
        Console().print(f"{count} records of {config.llava} were skipped: {path}", highlight=False, soft_wrap=True)


def card(config: TrainConfig, stage: Stage, stages: tuple[Stage, ...]) -> dict:
    """What the checkpoint says about its training; `init` is the card of what it started from."""
    own = {"train": asdict(config), "data": fingerprint.of_data(*config.tasks), "stage": stage.name, "stages": [asdict(s) for s in stages]}
    return own | ({"init": checkpoint.read_card(config.init)} if config.init else {})

"""One stage's `fit`: Lightning's trainer on one or many devices, with averaging, logs, and checkpoints that resume exactly."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from peft import LoraModel

from policy.chatvla import ChatVLA
from policy.datamodule import DataModule, Numbered
from policy.ema import EMA
from policy.expert_load import ExpertLog
from policy.freezing import freeze
from policy.layers import prepared
from policy.lightning import StageModule, step_ended
from policy.logs import TrainingLog, loggers, progress_shown
from policy.lora import add_lora, freeze_under_lora, merge_lora
from policy.memory import keep_freed_memory
from policy.optim import has_bfloat16_units
from policy.running import check_compiler
from policy.sharding import ShardedStageModule, newest, sharded_strategy, strategy_name, whole_weights
from policy.stages import Stage


@dataclass(frozen=True)
class FitSetting:
    """How and where a stage runs, without a say in what it learns (but for seed, minutes, precision, parts and adapters).

    A step is split into `devices` x `nodes` x `accumulate` parts. strategy: "ddp" has the whole network on every
    device, "fsdp" a shard of it; "auto" is fsdp where there are several devices and the stage allows it. lora: rank of
    adapters on `lora_parts`, 0 for none. compile: "layers" or "none".
    """

    folder: Path
    seed: int = 0
    minutes: float | None = None
    workers: int = 0
    accelerator: str = "auto"
    precision: str = "auto"
    devices: int = 1
    nodes: int = 1
    accumulate: int = 1
    strategy: str = "auto"
    lora: int = 0
    lora_parts: tuple[str, ...] = ("language", "vision")
    checkpoint_activations: bool = False
    compile: str = "none"
    checkpoint_minutes: float = 1.0
    checkpoint_steps: int | None = None
    stop_at: int | None = None  # leave at this step, as if interrupted
    progress: bool = False
    wandb: str = "off"


class StepCheckpoint(ModelCheckpoint):
    """Saves between steps, never between the parts of one: their gradients are in no checkpoint."""

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if step_ended(trainer, batch_idx):
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)


def fit_stage(stage: Stage, policy: ChatVLA, source: Numbered, setting: FitSetting) -> ChatVLA:
    """Trains `policy`, resumed from the newest checkpoint in `folder/<stage>/resume` if there is one.

    Gives the trained network with its averaged weights, adapters merged, unfrozen, in evaluation mode: `policy` itself,
    or, where it was sharded, a whole one in the first process (the others keep their shard).

    Raises:
        ValueError: the stage cannot be sharded, with the reason, or there is no compiler and one is asked for.
        KeyboardInterrupt: it was stopped; the next call goes on from the last checkpoint.
    """
    if setting.compile == "layers":
        check_compiler("train.compile=layers")
    processes = setting.devices * setting.nodes
    strategy = strategy_name(stage, setting.strategy, processes)
    setting.folder.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # no advertisements between the progress bars
    warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated")  # Lightning 2.6 with torch 2.13
    adapted = adapt(policy.train(), stage, setting)
    trainer = lightning.Trainer(
        accelerator=setting.accelerator,
        devices=setting.devices,
        num_nodes=setting.nodes,
        strategy=sharded_strategy(processes) if strategy == "fsdp" else strategy,
        use_distributed_sampler=False,  # `policy.parts` splits the batches
        precision=fast_precision(setting),  # type: ignore[arg-type]
        accumulate_grad_batches=setting.accumulate,
        max_epochs=-1,
        max_steps=setting.stop_at or stage.steps,
        limit_train_batches=stage.steps * setting.accumulate,
        callbacks=_callbacks(stage, setting, strategy),
        logger=loggers(setting.folder, stage.name, setting.wandb) or False,
        enable_progress_bar=setting.progress,
        enable_model_summary=False,
        log_every_n_steps=10,
        default_root_dir=setting.folder,
    )
    kind = ShardedStageModule if strategy == "fsdp" else StageModule
    module, found = kind(policy, stage, setting.seed, setting.minutes), newest(_resume(stage, setting))
    with prepared(policy, setting.checkpoint_activations, setting.compile == "layers"):
        data = DataModule(source, setting.workers)
        trainer.fit(module, data, ckpt_path=str(found) if found else None, weights_only=False)
    if trainer.interrupted:
        raise KeyboardInterrupt(f"stage {stage.name} stopped at step {trainer.global_step}; run again to go on")
    if strategy == "fsdp":
        weights = whole_weights(policy)
        if not trainer.is_global_zero:
            return policy
        policy = ChatVLA(policy.config, policy.stats)
        adapted = adapt(policy, stage, setting)
        policy.load_state_dict(weights)
    if adapted is not None:
        merge_lora(adapted)
    policy.requires_grad_(True)
    return policy.eval()


def adapt(policy: ChatVLA, stage: Stage, setting: FitSetting) -> LoraModel | None:
    """Puts the setting's adapters on the policy, in place, and freezes what the stage and the adapters leave as it is."""
    adapted = add_lora(policy, setting.lora, setting.lora_parts) if setting.lora else None
    freeze(policy, stage.frozen)
    if adapted is not None:
        freeze_under_lora(policy, setting.lora_parts)
    return adapted


def fast_precision(setting: FitSetting) -> str:
    """`precision`, or where it is "auto": bf16-mixed on a GPU or a CPU with bfloat16 units, else 32-true.

    Measured for the tiny preset, one shared core, rows/s in float32 and bfloat16: 12 and 7.4 on a Xeon without such
    units, 25 and 43 (grounding rows), 40 and 75 (questions) on an EPYC with AVX512-BF16.
    """
    if setting.precision != "auto":
        return setting.precision
    on_gpu = setting.accelerator != "cpu" and torch.cuda.is_available()
    return "bf16-mixed" if on_gpu or has_bfloat16_units() else "32-true"


def _callbacks(stage: Stage, setting: FitSetting, strategy: str) -> list[lightning.Callback]:
    steps, interval = setting.checkpoint_steps, timedelta(minutes=setting.checkpoint_minutes)
    keep = StepCheckpoint(
        dirpath=_resume(stage, setting),
        filename="{step}" if strategy == "fsdp" else "last",  # a folder is not replaced in one moment, a file is
        save_top_k=1,
        enable_version_counter=False,
        every_n_train_steps=steps,
        train_time_interval=None if steps else interval,
    )
    # After averaging and logs, so that a checkpoint holds the step it is named for.
    return [
        *([EMA(stage.ema)] if stage.ema else []),
        TrainingLog(setting.folder / "training_log.csv"),
        ExpertLog(setting.folder / "expert_load.csv"),
        *([progress_shown()] if setting.progress else []),
        keep,
    ]


def _resume(stage: Stage, setting: FitSetting) -> Path:
    return setting.folder / stage.name / "resume"

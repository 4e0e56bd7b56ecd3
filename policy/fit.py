"""One stage's `fit`: Lightning's trainer with freezing, averaging, logs, and a checkpoint that resumes exactly."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

from policy.datamodule import DataModule, Numbered
from policy.ema import EMA
from policy.expert_load import ExpertLog
from policy.freezing import Freeze
from policy.lightning import StageModule
from policy.logs import TrainingLog, loggers, progress_bar
from policy.stages import Stage


@dataclass(frozen=True)
class FitSetting:
    """How and where a stage runs, without a say in what it learns (but for seed, minutes and precision)."""

    folder: Path
    seed: int = 0
    minutes: float | None = None
    workers: int = 0
    accelerator: str = "auto"
    precision: str = "auto"
    checkpoint_minutes: float = 1.0
    checkpoint_steps: int | None = None
    stop_at: int | None = None  # leave at this step, as if interrupted
    progress: bool = False
    wandb: str = "off"


def fit_stage(stage: Stage, policy: nn.Module, source: Numbered, setting: FitSetting) -> None:
    """Trains `policy` in place, resumed from `folder/<stage>/resume/last.ckpt` if that exists.

    At the end it holds the averaged weights, unfrozen, in evaluation mode.

    Raises:
        KeyboardInterrupt: it was stopped; the next call goes on from the last checkpoint.
    """
    found = setting.folder / stage.name / "resume" / "last.ckpt"
    setting.folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # no advertisements between the progress bars
    module = StageModule(policy, stage, setting.seed, setting.minutes)
    trainer = lightning.Trainer(
        accelerator=setting.accelerator,
        devices=1,
        precision=fast_precision(setting),  # type: ignore[arg-type]
        max_epochs=-1,
        max_steps=setting.stop_at or stage.steps,
        limit_train_batches=stage.steps,
        callbacks=_callbacks(stage, setting, found.parent),
        logger=loggers(setting.folder, stage.name, setting.wandb) or False,
        enable_progress_bar=setting.progress,
        enable_model_summary=False,
        log_every_n_steps=10,
        default_root_dir=setting.folder,
    )
    data = DataModule(source, setting.workers)
    trainer.fit(module, data, ckpt_path=str(found) if found.is_file() else None, weights_only=False)
    if trainer.interrupted:
        raise KeyboardInterrupt(f"stage {stage.name} stopped at step {trainer.global_step}; run again to go on")
    policy.requires_grad_(True)
    policy.eval()


def fast_precision(setting: FitSetting) -> str:
    """`precision`, or where it is "auto": bf16-mixed on a GPU or a CPU with bfloat16 units, else 32-true.

    Measured for the tiny preset, one shared core, rows/s in float32 and bfloat16: 12 and 7.4 on a Xeon without such
    units, 25 and 43 (grounding rows), 40 and 75 (questions) on an EPYC with AVX512-BF16.
    """
    if setting.precision != "auto":
        return setting.precision
    on_gpu = setting.accelerator != "cpu" and torch.cuda.is_available()
    has_units = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return "bf16-mixed" if on_gpu or has_units else "32-true"


def _callbacks(stage: Stage, setting: FitSetting, resume: Path) -> list[lightning.Callback]:
    steps, interval = setting.checkpoint_steps, timedelta(minutes=setting.checkpoint_minutes)
    keep = ModelCheckpoint(
        dirpath=resume,
        filename="last",
        save_top_k=1,
        enable_version_counter=False,
        every_n_train_steps=steps,
        train_time_interval=None if steps else interval,
    )
    # After averaging and logs, so that a checkpoint holds the step it is named for.
    return [
        Freeze(stage.frozen),
        EMA(stage.ema),
        TrainingLog(setting.folder / "training_log.csv"),
        ExpertLog(setting.folder / "expert_load.csv"),
        *([progress_bar()] if setting.progress else []),
        keep,
    ]

"""Where training writes its numbers: one CSV for all stages, a progress bar, and Weights & Biases if asked.

The only file that names wandb's logger.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.loggers import Logger, WandbLogger  # wandb itself is imported when one is made

from policy.lightning import step_ended

LOSSES = ("loss", "lm", "action", "words", "positions", "balance")
COLUMNS: tuple[str, ...] = ("stage", "step", "elapsed_s", "lr", *LOSSES, "samples_per_s", "mfu")


class TrainingLog(lightning.Callback):
    """Appends a row to `path` every `every` steps, and at the end."""

    def __init__(self, path: Path, every: int = 20) -> None:
        self.path, self.every = path, every

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        step = trainer.global_step
        is_due = not step % self.every or step == pl_module.stage.steps
        if not (is_due and step_ended(trainer, batch_idx) and trainer.is_global_zero):
            return
        new = not self.path.is_file()
        values = {k: float(v) for k, v in trainer.callback_metrics.items()}
        row = {"stage": pl_module.stage.name, "step": step, "elapsed_s": round(pl_module.elapsed_s, 1)}
        row |= {k: f"{values[k]:.6g}" for k in COLUMNS if k in values}
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if new:
                writer.writeheader()
            writer.writerow(row)


def loggers(out: Path, stage: str, wandb: str) -> list[Logger]:
    """`wandb` is "off", "offline" or "online".

    Raises:
        ValueError: it is something else.
    """
    if wandb not in ("off", "offline", "online"):
        raise ValueError(f"wandb is {wandb!r}, expected 'off', 'offline' or 'online'")
    if wandb == "off":
        return []
    return [WandbLogger(project="chatvla", name=f"{out.name}/{stage}", save_dir=out, offline=wandb == "offline")]


def progress_bar() -> RichProgressBar:
    """Losses and samples a second, ten times a second at most."""
    return RichProgressBar(refresh_rate=5, leave=True)

"""Where training writes its numbers: one CSV for all stages, a progress bar, and Weights & Biases if asked.

The only file that names wandb's logger.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import ProgressBar, RichProgressBar
from lightning.pytorch.loggers import Logger, WandbLogger  # wandb itself is imported when one is made
from rich.console import Console

from policy.lightning import step_ended
from policy.progress import EVERY_S, line

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


def progress_shown() -> lightning.Callback:
    """Step, time and losses: as a bar on a terminal, elsewhere as a line now and then."""
    return StageBar(refresh_rate=5, leave=True) if Console().is_terminal else StageLines()


class StageBar(RichProgressBar):
    """Lightning's bar, which calls a stage by its name."""

    def _get_train_description(self, current_epoch: int) -> str:
        return self.trainer.lightning_module.stage.name  # type: ignore[union-attr, return-value]


class StageLines(ProgressBar):
    """A line at the start, every `every_s` seconds, and at the end."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        super().__init__()
        self.every_s, self._told = every_s, -every_s

    def disable(self) -> None:
        """Nothing is drawn that would have to go."""

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        step, steps, seconds = trainer.global_step, pl_module.stage.steps, pl_module.elapsed_s
        last = pl_module.progress >= 1
        if not (trainer.is_global_zero and step_ended(trainer, batch_idx) and (last or seconds - self._told >= self.every_s)):
            return
        self._told = seconds
        shown = {k: float(v) for k, v in trainer.progress_bar_metrics.items() if not k.endswith("_epoch")}
        losses = ", ".join(f"{name.removesuffix('_step')} {value:.4g}" for name, value in shown.items())
        Console().print(f"{line(pl_module.stage.name, step, steps, seconds, pl_module.progress)}; {losses}", highlight=False, soft_wrap=True, markup=False)

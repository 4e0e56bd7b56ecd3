"""One stage as a LightningModule: losses in, an optimizer and a rate that follows the stage's progress.

All that a resumed run needs is in the checkpoint or follows from the step: the batch, the noise (seeded by step), the
rate (by step, and by the time already spent when minutes are set). So stopping and resuming changes nothing.
"""

from __future__ import annotations

import time
from typing import Any

import lightning
import torch
from torch import Tensor, nn

from policy.batch import Batch
from policy.features import Features
from policy.heads.base import Context
from policy.optim import MuonAdamW, build_optimizer
from policy.stages import Stage, learning_rate

CLIP = 1.0  # gradient norm


class StageModule(lightning.LightningModule):
    """Trains `policy` (a ChatVLA) through one stage.

    minutes: the stage ends at this time if it comes before the last step, and the rate follows whichever is further.
    """

    def __init__(self, policy: nn.Module, stage: Stage, seed: int = 0, minutes: float | None = None) -> None:
        super().__init__()
        self.policy, self.stage, self.seed, self.minutes = policy, stage, seed, minutes
        self.spent_s = 0.0  # before this process
        self._started: float | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds spent on this stage, over all its runs."""
        return self.spent_s + (time.monotonic() - self._started if self._started is not None else 0.0)

    @property
    def progress(self) -> float:
        """0 at the start, 1 at the end, by steps or by time."""
        by_steps = self.trainer.global_step / self.stage.steps
        return max(by_steps, self.elapsed_s / (60 * self.minutes)) if self.minutes else by_steps

    def on_train_start(self) -> None:
        """Starts the clock."""
        self._started = time.monotonic()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Sets the rate and seeds the noise of this step."""
        step = self.trainer.global_step
        torch.manual_seed(self.seed * 1_000_003 + step)
        rate = learning_rate(self.stage, step, self.progress)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate

    def training_step(self, batch: Batch | Features, batch_idx: int) -> Tensor:
        """The summed loss; its parts are logged."""
        if isinstance(batch, Features):
            head_loss: Any = self.policy.head_loss
            losses = {"loss": head_loss(Context(batch.condition), batch.actions, batch.action_mask)}
        else:
            losses = self.policy(batch) if self.stage.route is None else self.policy(batch, route=self.stage.route)
        self.log_dict(
            {name: value.detach() for name, value in losses.items()},
            prog_bar=True,
            on_step=True,
            batch_size=batch.batch_size,
        )
        return losses["loss"]

    def on_train_batch_end(self, outputs: Any, batch: Batch | Features, batch_idx: int) -> None:
        """Logs the speed and the rate; ends the stage when its minutes are over."""
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        self.log("lr", rate, on_step=True)
        if self._started is not None:
            done = self.trainer.global_step - self._first_step
            self.log(
                "samples_per_s", done * batch.batch_size / max(time.monotonic() - self._started, 1e-9), prog_bar=True
            )
        if self.minutes and self.progress >= 1:
            self.trainer.should_stop = True

    def on_fit_start(self) -> None:
        """Remembers where this run began, for the speed."""
        self._first_step = self.trainer.global_step

    def configure_optimizers(self) -> MuonAdamW:
        """Over what is not frozen."""
        s = self.stage
        return build_optimizer(self, s.optimizer, s.lr, s.betas, s.eps)

    def configure_gradient_clipping(self, optimizer: Any, *args: Any, **kwargs: Any) -> None:
        """Clips the gradients that AdamW uses; Muon's updates have a fixed size whatever the gradient's."""
        for group in optimizer.param_groups:
            if group["kind"] == "adamw":
                torch.nn.utils.clip_grad_norm_(group["params"], CLIP)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keeps the time already spent."""
        checkpoint["spent_s"] = self.elapsed_s

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Goes on from the time already spent."""
        self.spent_s = checkpoint["spent_s"]

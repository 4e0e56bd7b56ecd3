"""One stage as a LightningModule: losses in, an optimizer and a rate that follows the stage's progress.

All that a resumed run needs is in the checkpoint or follows from the step: the batch, the noise (seeded by step and
part), the rate (by step, and by the time already spent when minutes are set). So stopping and resuming changes nothing.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import lightning
import torch
from torch import Tensor, nn

from policy.features import Features
from policy.heads.base import Context
from policy.optim import MuonAdamW, build_optimizer
from policy.shares import Piece, supervised, weighed
from policy.speed import Speed
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
        self._time_s = 0.0  # of the stage, as all processes know it
        self._speed: Speed | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds spent on this stage, over all its runs."""
        return self.spent_s + (time.monotonic() - self._started if self._started is not None else 0.0)

    @property
    def progress(self) -> float:
        """0 at the start, 1 at the end, by steps or by time."""
        by_steps = self.trainer.global_step / self.stage.steps
        return max(by_steps, self._time_s / (60 * self.minutes)) if self.minutes else by_steps

    def on_train_start(self) -> None:
        """Starts the clock."""
        self._started = time.monotonic()
        self._time_s = self.spent_s
        self._speed = Speed(self.policy, self.stage, self.device)

    def on_train_batch_start(self, batch: Piece, batch_idx: int) -> None:
        """Sets the rate and seeds the noise of this part of the step."""
        step, part = self.trainer.global_step, batch.part
        torch.manual_seed((self.seed * 1_000_003 + step) * part.count + part.index)
        rate = learning_rate(self.stage, step, self.progress)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate

    def training_step(self, batch: Piece, batch_idx: int) -> Tensor:
        """The summed loss of this part, counted by its labels; its parts are logged."""
        rows: Any = batch.batch
        if isinstance(rows, Features):
            policy: Any = self.policy
            losses = {"loss": policy.head_loss(Context(rows.condition), rows.actions, rows.action_mask)}
            losses["action"] = losses["loss"]
            weights = {"action": 1.0}
        else:
            losses = self.policy(rows) if self.stage.route is None else self.policy(rows, route=self.stage.route)
            weights = asdict(self.policy.config.loss)  # type: ignore[arg-type, union-attr]
        parts, processes = batch.part.count, self.trainer.world_size
        self.log_dict(
            {name: value.detach() for name, value in losses.items()},
            prog_bar=True,
            on_step=True,
            batch_size=batch.batch_size,
            sync_dist=processes > 1,
        )
        if parts == 1:
            return losses["loss"]
        labels = batch.supervised
        if processes > 1:
            labels = self.trainer.strategy.reduce(labels.clone(), reduce_op="sum")
        shares = supervised(rows).to(self.device) * parts / labels.clamp_min(1)
        return weighed(losses, weights, shares)

    def on_train_batch_end(self, outputs: Any, batch: Piece, batch_idx: int) -> None:
        """Logs the speed and the rate; ends the stage when its minutes are over."""
        if not step_ended(self.trainer, batch_idx):
            return
        self._time_s = self.elapsed_s
        if self.minutes and self.trainer.world_size > 1:  # one clock for all, or they would part
            self._time_s = float(self.trainer.strategy.broadcast(self._time_s))
        self.log("lr", self.trainer.optimizers[0].param_groups[0]["lr"], on_step=True)
        if self._speed is not None:
            self._speed.step(batch, self.trainer.accumulate_grad_batches)
            for name, value in self._speed.values().items():
                self.log(name, value, prog_bar=True)
        if self.minutes and self.progress >= 1:
            self.trainer.should_stop = True

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


def step_ended(trainer: lightning.Trainer, batch_idx: int) -> bool:
    """Whether this piece was the last of its step, so that the optimizer has moved."""
    return (batch_idx + 1) % trainer.accumulate_grad_batches == 0

"""How dynamic experts share the tokens: the loss that balances them, and the shares themselves, logged while training."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor, nn

from policy.experts_dynamic import Routing


def balance_loss(routings: Sequence[Routing], valid: Tensor) -> Tensor:
    """E x sum over experts of (share of the choices) x (mean probability), the mean over layers; 1 where all are alike.

    Switch Transformer, equations 4 to 6 (arXiv:2101.03961), with choices for tokens so that it holds for top-k. The
    gradient flows through the probabilities. `valid` (B, S): tokens that count (not padding).
    """
    layers = [
        len(share) * (share * routing.logits[valid].softmax(-1).mean(0)).sum()
        for routing, share in zip(routings, shares(tokens_taken(routings, valid)), strict=True)
    ]
    return torch.stack(layers).mean()


def tokens_taken(routings: Sequence[Routing], valid: Tensor) -> Tensor:
    """(layers, E) how many of the tokens that `valid` (B, S) marks each expert was chosen for."""
    return torch.stack([r.chosen[valid].flatten().bincount(minlength=r.logits.shape[-1]) for r in routings])


def shares(tokens: Tensor) -> Tensor:
    """(layers, E) float32: of the choices of each layer, those of each expert."""
    return tokens.float() / tokens.sum(1, keepdim=True).clamp_min(1)


def evenness(share: Tensor) -> Tensor:
    """(layers,) entropy over its largest value: 1 where all experts are chosen alike, 0 where one is always."""
    return torch.special.entr(share).sum(1) / math.log(share.shape[1])


class ExpertLoad(nn.Module):
    """Counts how many tokens each expert takes, until the counts are read."""

    tokens: Tensor

    def __init__(self, layers: int, experts: int) -> None:
        super().__init__()
        self.register_buffer("tokens", torch.zeros(layers, experts, dtype=torch.long), persistent=False)

    @torch.no_grad()
    def add(self, routings: Sequence[Routing], valid: Tensor) -> None:
        """Counts the tokens of one pass that `valid` (B, S) marks."""
        self.tokens += tokens_taken(routings, valid)

    def take(self) -> Tensor:
        """(layers, E) shares since the last time; all 0 where nothing was routed."""
        taken = shares(self.tokens)
        self.tokens.zero_()
        return taken


class ExpertLog(lightning.Callback):
    """Appends to `path`, every `every` steps, a row for each layer: how evenly its experts were chosen, and their shares."""

    def __init__(self, path: Path, every: int = 20) -> None:
        self.path, self.every, self._last = path, every, -1

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: Any, *args: Any) -> None:
        step, load = trainer.global_step, getattr(pl_module.policy, "load", None)
        is_due = not step % self.every or step == pl_module.stage.steps
        if load is None or not is_due or step == self._last or not load.tokens.any():
            return
        self._last, share = step, load.take()
        even = evenness(share)
        pl_module.log("experts_evenness", even.mean())
        if trainer.is_global_zero:
            self._write(pl_module.stage.name, step, even.tolist(), share.tolist())

    def _write(self, stage: str, step: int, even: list[float], share: list[list[float]]) -> None:
        new = not self.path.is_file()
        with self.path.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["stage", "step", "layer", "evenness", *(f"expert_{i}" for i in range(len(share[0])))])
            for layer, (evenly, taken) in enumerate(zip(even, share, strict=True)):
                writer.writerow([stage, step, layer, f"{evenly:.4f}", *(f"{x:.4f}" for x in taken)])

"""How much each part of a step counts, so that the parts add up to the whole.

A loss is a mean over its labels, of which parts hold unequal numbers, and the mean of the parts' means is not the mean
over all: each part's mean counts by its share of the step's labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from policy.batch import Batch
from policy.features import Features
from policy.parts import Part

LOSSES = ("lm", "action", "words", "positions")  # those that are means over labels; any other counts alike in every part


@dataclass
class Piece:
    """What a process computes at once: one part's rows, and the labels of all parts of the step that are its own.

    supervised: (4,) labels in the order of `LOSSES`.
    """

    batch: Batch | Features
    part: Part
    supervised: Tensor

    @property
    def batch_size(self) -> int:
        """Rows of this part."""
        return self.batch.batch_size

    def to(self, device: torch.device | str) -> Piece:
        """The same on `device`."""
        return Piece(self.batch.to(device), self.part, self.supervised.to(device))


def supervised(batch: Batch | Features) -> Tensor:
    """(4,) float64: over how many labels each of `LOSSES` is a mean."""
    if isinstance(batch, Features):
        counts = [0, batch.action_mask.sum(), 0, 0]
    else:
        words = (batch.image_words_weight * (batch.image_words >= 0)).sum()
        counts = [(batch.labels >= 0).sum(), batch.action_mask.sum(), words, batch.readout_mask.sum()]
    return torch.tensor([float(c) for c in counts], dtype=torch.float64)


def weighed(losses: Mapping[str, Tensor], weights: Mapping[str, float], shares: Tensor) -> Tensor:
    """The summed loss with each part of it counted by its share.

    `losses` holds the sum as `loss` and its unweighted parts; `weights` their factors in the sum; `shares` (4,) in the
    order of `LOSSES`, 1 where this part holds as many labels as the average part.
    """
    total = losses["loss"]
    for name, share in zip(LOSSES, shares.to(total.dtype), strict=True):
        if name in losses:
            total = total + weights[name] * (share - 1) * losses[name]
    return total

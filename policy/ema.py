"""Averaged weights, which every stage ends with: Lightning's callback with a decay that warms up.

The plain 0.999 would still hold a tenth of the starting weights after 2,300 steps, more than a whole short stage.
"""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class EMA(WeightAveraging):
    """Exponential moving average with decay min(decay, (1 + n) / (10 + n)) at the n-th update."""

    def __init__(self, decay: float = 0.999) -> None:
        def average(averages: list[Tensor], values: list[Tensor], n: Any) -> None:
            n = int(n)
            # Private by its name only: PyTorch's own averaging calls it.
            torch._foreach_lerp_(averages, values, 1 - min(decay, (1 + n) / (10 + n)))  # pyright: ignore[reportPrivateImportUsage]

        super().__init__(use_buffers=False, multi_avg_fn=average)

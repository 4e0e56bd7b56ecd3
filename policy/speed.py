"""How fast training runs: samples a second, and the share of the device's peak that the network's own arithmetic is (MFU)."""

from __future__ import annotations

import time

import torch
from torch import nn

from policy.batch import Batch
from policy.costs import Cost, Lengths, fake_network, row_costs
from policy.shares import Piece
from policy.stages import Stage

# Dense bfloat16 FLOP/s of one device, by a part of its name, from NVIDIA's datasheets (half the sparse figure); the first
# that fits counts.
PEAKS: tuple[tuple[str, float], ...] = (
    ("B200", 2250e12),
    ("H100 PCIe", 756e12),
    ("H100", 989e12),
    ("H200", 989e12),
    ("H800", 989e12),
    ("A100", 312e12),
    ("A800", 312e12),
    ("L40S", 362e12),
    ("A6000", 155e12),
    ("RTX 4090", 165e12),
    ("L4", 121e12),
)


def peak_flops(device_name: str) -> float | None:
    """Dense bfloat16 FLOP/s of a device; None where it is not known."""
    return next((peak for name, peak in PEAKS if name in device_name), None)


class Speed:
    """Counts the steps of a run from the end of its first, in which kernels are made and files are opened."""

    def __init__(self, policy: nn.Module, stage: Stage, device: torch.device) -> None:
        self.policy, self.stage = policy, stage
        self.peak = peak_flops(torch.cuda.get_device_name(device)) if device.type == "cuda" else None
        self.started: float | None = None
        self.samples, self.flops = 0, 0.0
        self._counted: tuple[int, dict[str, dict[str, Cost]]] | None = None

    def step(self, piece: Piece, pieces: int = 1) -> None:
        """A step has ended, of which this process computed `pieces` like `piece`."""
        if self.started is None:
            self.started = time.monotonic()
            return
        self.samples += piece.batch_size * piece.part.count
        if self.peak and isinstance(piece.batch, Batch):
            self.flops += pieces * self.batch_flops(piece.batch)

    def values(self) -> dict[str, float]:
        """`samples_per_s` over all processes, and `mfu` (0-1) of this one where its device's peak is known."""
        if self.started is None or not self.samples:
            return {}
        seconds = max(time.monotonic() - self.started, 1e-9)
        values = {"samples_per_s": self.samples / seconds}
        if self.peak and self.flops:
            values["mfu"] = self.flops / seconds / self.peak
        return values

    def batch_flops(self, batch: Batch) -> float:
        """Forward and backward of a batch, what is computed twice counted once.

        Rows are counted at the length of the first batch; later ones differ in the language model's share alone.
        """
        tokens = batch.input_ids.shape[1]
        if self._counted is None:
            self._counted = tokens, self._row_costs(batch, tokens)
        first, costs = self._counted
        rows = {"control": batch.n_control, "understanding": batch.batch_size - batch.n_control}
        return sum(
            rows[kind] * cost.flops * (tokens / first if part == "language" else 1)
            for kind, parts in costs.items()
            for part, cost in parts.items()
        )

    def _row_costs(self, batch: Batch, tokens: int) -> dict[str, dict[str, Cost]]:
        labelled = (batch.labels >= 0).sum(1)
        spoken, answered = (round(float(n.float().mean())) if len(n) else 0 for n in (labelled[: batch.n_control], labelled[batch.n_control :]))
        mode, network = fake_network(self.policy.config, self.stage)  # type: ignore[arg-type]
        return row_costs(mode, network, self.stage, Lengths(tokens, tokens, spoken, answered))

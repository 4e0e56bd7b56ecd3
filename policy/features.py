"""What the action head gets of each recorded frame, computed once, so that it can be trained for thousands of updates.

research/policy_probe.md: the same encoder went from 6/40 to 39/40 when its head got 2,000 updates of 128 frames.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from policy.chatvla import ChatVLA
from policy.collate import collate
from policy.parts import WHOLE, Part
from policy.progress import counted
from policy.recorded import Frames
from policy.rows import Batches


@dataclass
class Features:
    """condition (B, D), actions (B, 16, 10) raw, action_mask (B, 16)."""

    condition: Tensor
    actions: Tensor
    action_mask: Tensor

    @property
    def batch_size(self) -> int:
        """B."""
        return len(self.condition)

    def to(self, device: torch.device | str) -> Features:
        """The same on `device`."""
        return Features(self.condition.to(device), self.actions.to(device), self.action_mask.to(device))


@dataclass(frozen=True)
class FeatureBatches:
    """Batches of `rows` frames drawn as the frames are, from conditions (K, D) of the frames `index` (K,)."""

    frames: Frames
    index: np.ndarray
    condition: Tensor
    rows: int
    seed: int = 0

    def batch(self, number: int, part: Part = WHOLE) -> Features:
        """A part of batch `number`, always the same one."""
        rng = np.random.default_rng([self.seed, number])
        p = self.frames.probability[np.searchsorted(self.frames.pictured, self.index)]
        chosen = rng.choice(len(self.index), self.rows, p=p / p.sum())[part.of(self.rows)]
        chunks = [self.frames.chunk(int(self.index[i])) for i in chosen]
        return Features(
            self.condition[torch.from_numpy(chosen)],
            torch.from_numpy(np.stack([a for a, _ in chunks])),
            torch.from_numpy(np.stack([m for _, m in chunks])),
        )


@torch.no_grad()
def cached_features(policy: ChatVLA, source: Batches, path: Path, batch_size: int = 32, limit: int | None = None) -> tuple[np.ndarray, Tensor]:
    """(K,) frame indices and (K, D) float32 conditions; read from `path` if they are there. At most `limit` frames of `source`."""
    if path.is_file():
        stored = torch.load(path, weights_only=True)
        return stored["index"].numpy(), stored["condition"]
    index = source.frames.pictured
    if limit is not None and len(index) > limit:
        index = np.sort(np.random.default_rng(0).choice(index, limit, replace=False))
    device = next(policy.parameters()).device
    policy.eval()
    made = []
    for start in counted(range(0, len(index), batch_size), "conditions of the frames, batches"):
        rows = [source.frame(int(i)) for i in index[start : start + batch_size]]
        batch = collate(source.processor, rows, []).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            made.append(policy.context(batch).vector.float().cpu())
    policy.train()
    condition = torch.cat(made)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(f".{os.getpid()}")  # processes that train together may all come here at once
    torch.save({"index": torch.from_numpy(index), "condition": condition}, half)
    half.replace(path)
    return index, condition

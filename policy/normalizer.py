"""One affine map between raw units and [-1, 1], fitted once, stored in the checkpoint, used in both directions.

Min-max with bounds widened by 1e-4, as ChatVLA's published action statistics; training and inference call the same
object, so they cannot disagree (research/policy.md 1.9 and pitfall 1 say what happens when they do).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from envs.types import ACTION_DIM, AGENT_POS_DIM

WIDEN = 1e-4  # policy.md 1.9
CONSTANT = 1e-3  # a dimension that moves less than this (m, rad or a rotation's entry) is noise: it becomes 0
TARGET_DIM = 6
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Bounds:
    """Smallest and largest value of each dimension, raw units."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> Bounds:
        """The bounds of `values` (..., D).

        Raises:
            ValueError: there is no value, or one is not finite.
        """
        rows = np.asarray(values, np.float64).reshape(-1, np.shape(values)[-1])
        if not len(rows) or not np.isfinite(rows).all():
            raise ValueError(f"{len(rows)} rows, finite: {bool(np.isfinite(rows).all())}; bounds need finite values")
        return cls(tuple(rows.min(0).tolist()), tuple(rows.max(0).tolist()))


@dataclass(frozen=True)
class NormStats:
    """What a network must know of its data: bounds of actions and agent_pos, mean and std of target positions."""

    action: Bounds
    agent_pos: Bounds
    target_mean: tuple[float, ...] = (0.0,) * TARGET_DIM  # m, base frame: object, then where it goes
    target_std: tuple[float, ...] = (1.0,) * TARGET_DIM

    @classmethod
    def fit(
        cls,
        actions: NDArray[np.floating],
        agent_pos: NDArray[np.floating],
        target_pos: NDArray[np.floating] | None = None,
    ) -> NormStats:
        """Statistics of raw arrays (..., 10), (..., 17) and, for `object_positions`, (..., 6)."""
        stats = cls(Bounds.of(actions), Bounds.of(agent_pos))
        if target_pos is None:
            return stats
        rows = np.asarray(target_pos, np.float64).reshape(-1, TARGET_DIM)
        std = np.maximum(rows.std(0), 1e-2)
        return cls(stats.action, stats.agent_pos, tuple(rows.mean(0).tolist()), tuple(std.tolist()))

    @classmethod
    def unit(cls) -> NormStats:
        """Bounds of [-1, 1] in every dimension, for a network that has seen no data."""
        action, agent_pos = (Bounds((-1.0,) * n, (1.0,) * n) for n in (ACTION_DIM, AGENT_POS_DIM))
        return cls(action, agent_pos)

    def save(self, path: str | Path) -> None:
        """Writes JSON."""
        Path(path).write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> NormStats:
        """Reads what `save` wrote."""
        stored = json.loads(Path(path).read_text())
        bounds = {k: Bounds(tuple(stored[k]["low"]), tuple(stored[k]["high"])) for k in ("action", "agent_pos")}
        return cls(**bounds, target_mean=tuple(stored["target_mean"]), target_std=tuple(stored["target_std"]))


def bounds_map(bounds: Bounds) -> tuple[Array, Array, Array]:
    """(D,) float64 `centre`, `scale` and `moves`: (raw - centre) / scale * moves is in [-1, 1], 0 where nothing moves."""
    low, high = np.array(bounds.low) - WIDEN, np.array(bounds.high) + WIDEN
    return (low + high) / 2, (high - low) / 2, (high - low > CONSTANT + 2 * WIDEN).astype(np.float64)


class Normalizer(nn.Module):
    """`normalize` and its inverse `unnormalize` on (..., D) float32 tensors; constant dimensions map to 0 and back."""

    centre: Tensor
    scale: Tensor
    moves: Tensor

    def __init__(self, bounds: Bounds) -> None:
        super().__init__()
        for name, values in zip(("centre", "scale", "moves"), bounds_map(bounds), strict=True):
            self.register_buffer(name, torch.from_numpy(values).float())

    def normalize(self, raw: Tensor) -> Tensor:
        """Raw units to [-1, 1]."""
        return (raw.float() - self.centre) / self.scale * self.moves

    def unnormalize(self, x: Tensor) -> Tensor:
        """[-1, 1] to raw units."""
        return x.float() * self.moves * self.scale + self.centre

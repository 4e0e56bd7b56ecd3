"""Actions as words: OpenVLA's bins, each the embedding of one of the vocabulary's last 256 tokens (policy.md 3.3).

Edges are 256 equally spaced numbers from -1 to 1; a number's bin, 1 to 256, counts the edges that do not exceed it, and
its token is the vocabulary's size (or `TextConfig.action_end`) less the bin. Back it is the middle between two edges; of what no interval belongs to,
the nearest. OpenVLA takes the range between the 1st and 99th percentile; our absolute poses are taken from least to most.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from policy.config import ChatVLAConfig
from policy.normalizer import Bounds, bounds_map

BINS = 256
EDGES = np.linspace(-1, 1, BINS)
CENTRES = (EDGES[:-1] + EDGES[1:]) / 2


class ActionTokens:
    """Raw action chunks (n, D) to n x D token ids, action by action, and back."""

    def __init__(self, config: ChatVLAConfig, bounds: Bounds) -> None:
        self.end_id = config.text.action_end or config.text.vocab_size
        self.shape = (config.horizon, config.action_dim)
        self.centre, self.scale, self.moves = bounds_map(bounds)

    @property
    def first_id(self) -> int:
        """The least id of an action; those before `end_id` are actions, and what stands behind is no word."""
        return self.end_id - BINS

    @property
    def count(self) -> int:
        """How many tokens a chunk is."""
        return self.shape[0] * self.shape[1]

    def encode(self, actions: NDArray[np.floating]) -> list[int]:
        """Ids of the first `horizon` actions of a chunk (n, D), raw units."""
        x = (np.asarray(actions[: self.shape[0]], np.float64) - self.centre) / self.scale * self.moves
        return (self.end_id - np.digitize(np.clip(x, -1, 1), EDGES)).flatten().tolist()

    def decode(self, ids: NDArray[np.integer] | list[int]) -> NDArray[np.float32]:
        """(horizon, D) raw actions of `count` ids.

        Raises:
            ValueError: another number of ids.
        """
        if len(ids) != self.count:
            raise ValueError(f"{len(ids)} action tokens, expected {self.shape[0]} x {self.shape[1]}")
        index = np.clip(self.end_id - np.asarray(ids) - 1, 0, BINS - 2)
        return (CENTRES[index].reshape(self.shape) * self.moves * self.scale + self.centre).astype(np.float32)

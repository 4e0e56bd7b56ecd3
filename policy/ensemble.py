"""Temporal ensembling: every action is a mean of all chunks that foresaw it, the older ones weighing more (ACT, TinyVLA).

Where a policy infers after every action, up to n chunks of n actions speak about each moment. The i-th oldest of them
weighs exp(-decay i); decay 0.01 is ACT's (Zhao et al. 2023, arXiv:2304.13705, section 4) and TinyVLA's (policy.md 3.2).
Rotations and gripper are averaged as the numbers that they are: rot6d is made a rotation again where it is executed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Actions = NDArray[np.float32]


class TemporalEnsemble:
    """One trial's chunks, of which one action each is executed."""

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self._chunks: tuple[Actions, ...] = ()  # oldest first, each from the present moment on

    def __call__(self, chunk: Actions) -> Actions:
        """(n, D): the mean for this moment and the n - 1 that follow; `chunk` (n, D) is the newest prediction of them."""
        past = [c[1:] for c in self._chunks if len(c) > 1]
        self._chunks = (*past, chunk)
        return np.stack([self._mean([c[i] for c in self._chunks if len(c) > i]) for i in range(len(chunk))])

    def _mean(self, actions: Sequence[Actions]) -> Actions:
        weights = np.exp(-self.decay * np.arange(len(actions)))
        return np.average(actions, 0, weights).astype(np.float32)

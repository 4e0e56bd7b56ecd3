"""How the language model's states become one vector: FiLM of the prompt by the reasoning (policy.md 1.6).

f = e_in * (1 + W_s e_r) + W_b e_r, with e_in and e_r projected means over prompt and reasoning tokens, plus the raw
prompt mean as a skip. W_s and W_b start at zero, so the reasoning's influence is learned from nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ActionProjector(nn.Module):
    """Linear-GELU-Linear on a mean over tokens: (B, d) -> (B, d)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, pooled: Tensor) -> Tensor:
        return self.mlp(pooled)


class ReasoningFusion(nn.Module):
    """Hidden states (B, S, d) and masks (B, S) of prompt and reasoning to h (B, d)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.prompt = ActionProjector(width)
        self.reasoning = ActionProjector(width)
        self.scale = nn.Linear(width, width)
        self.shift = nn.Linear(width, width)
        self.zero_init()

    def zero_init(self) -> None:
        """FiLM starts as the identity. Call after anything that re-initialises weights."""
        for layer in (self.scale, self.shift):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, hidden: Tensor, prompt: Tensor, reasoning: Tensor) -> Tensor:
        pooled = masked_mean(hidden, prompt)
        e_in, e_r = self.prompt(pooled), self.reasoning(masked_mean(hidden, reasoning))
        return e_in * (1 + self.scale(e_r)) + self.shift(e_r) + pooled


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """(B, S, d) over the tokens that mask (B, S) marks; 0 where it marks none."""
    weight = mask.to(x.dtype)
    return torch.einsum("bsd,bs->bd", x, weight) / weight.sum(1, keepdim=True).clamp_min(1)

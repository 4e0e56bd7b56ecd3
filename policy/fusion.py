"""How the language model's states of prompt and reasoning become the vector that conditions the action head.

ChatVLA (`film`, policy.md 1.6): f = e_in * (1 + W_s e_r) + W_b e_r, with e_in and e_r projected means over prompt and
reasoning tokens, plus the raw prompt mean as a skip. W_s and W_b start at zero, so the reasoning's influence is learned
from nothing. ChatVLA-2 (`latter`, `former`, `all`) hands both means to the head, which chooses between them block by
block (`policy.heads.injection`). TinyVLA (`none`) has no reasoning and takes the mean of all states.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from policy.config import Reasoning


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


class BothMeans(nn.Module):
    """Hidden states (B, S, d) and masks (B, S) to (B, 2 d): the mean over the prompt, then that over the reasoning."""

    def forward(self, hidden: Tensor, prompt: Tensor, reasoning: Tensor) -> Tensor:
        return torch.cat([masked_mean(hidden, prompt), masked_mean(hidden, reasoning)], -1)


class WholeMean(nn.Module):
    """Hidden states (B, S, d) and masks (B, S) to the mean (B, d) over all that is marked."""

    def forward(self, hidden: Tensor, prompt: Tensor, reasoning: Tensor) -> Tensor:
        return masked_mean(hidden, prompt | reasoning)


def build_fusion(reasoning: Reasoning, width: int) -> ReasoningFusion | BothMeans | WholeMean:
    """The fusion that a configuration names."""
    if reasoning in ("film", "chain"):
        return ReasoningFusion(width)
    return WholeMean() if reasoning == "none" else BothMeans()


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """(B, S, d) over the tokens that mask (B, S) marks; 0 where it marks none."""
    weight = mask.to(x.dtype)
    return torch.einsum("bsd,bs->bd", x, weight) / weight.sum(1, keepdim=True).clamp_min(1)

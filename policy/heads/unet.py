"""ConditionalUnet1D, the head of DiVLA and TinyVLA: convolutions along the chunk, FiLM by the condition in every block.

Widths, kernel and groups are those of diffusion policy (Chi et al. 2023), which both take over (policy.md 1.5 and 3.1).
Legend: B rows, C channels, n actions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from policy.config import ChatVLAConfig
from policy.heads.base import DiffusionHead
from policy.heads.dit import TIME_DIM, time_embedding

KERNEL, GROUPS = 5, 8


class ConvBlock(nn.Sequential):
    """Convolution, group norm, Mish; (B, C, n) keeps its length."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__(
            nn.Conv1d(width_in, width_out, KERNEL, padding=KERNEL // 2), nn.GroupNorm(GROUPS, width_out), nn.Mish()
        )


class FiLMBlock(nn.Module):
    """Two convolutions around scale and shift by the condition, beside a residual connection."""

    def __init__(self, width_in: int, width_out: int, condition: int) -> None:
        super().__init__()
        self.first, self.second = ConvBlock(width_in, width_out), ConvBlock(width_out, width_out)
        self.film = nn.Sequential(nn.Mish(), nn.Linear(condition, 2 * width_out))
        self.skip = nn.Conv1d(width_in, width_out, 1) if width_in != width_out else nn.Identity()

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """x (B, C, n), c (B, condition)."""
        scale, shift = self.film(c)[..., None].chunk(2, 1)
        return self.second(self.first(x) * scale + shift) + self.skip(x)


class UnetHead(DiffusionHead):
    """(B, n, D) noised actions through widths `head.widths`, halved in length from one to the next."""

    def __init__(self, config: ChatVLAConfig, rest_dim: int) -> None:
        super().__init__(config)
        widths, hidden = config.head.widths, config.text.hidden_size
        unit = 2 ** (len(widths) - 1)
        if config.horizon % unit:
            raise ValueError(f"horizon is {config.horizon}; a U-Net of {len(widths)} widths needs a multiple of {unit}")
        self.hidden = hidden
        self.norm = nn.LayerNorm(hidden)
        self.embed_condition = nn.Linear(hidden + rest_dim, hidden)
        self.embed_time = nn.Sequential(nn.Linear(TIME_DIM, 4 * TIME_DIM), nn.Mish(), nn.Linear(4 * TIME_DIM, TIME_DIM))
        condition = TIME_DIM + hidden
        pairs = list(zip((config.action_dim, *widths[:-1]), widths, strict=True))
        self.down = nn.ModuleList(
            nn.ModuleList([FiLMBlock(a, b, condition), FiLMBlock(b, b, condition)]) for a, b in pairs
        )
        self.shrink = nn.ModuleList(nn.Conv1d(w, w, 3, 2, 1) for w in widths[:-1])
        self.middle = nn.ModuleList(FiLMBlock(widths[-1], widths[-1], condition) for _ in range(2))
        self.up = nn.ModuleList(
            nn.ModuleList([FiLMBlock(2 * b, a, condition), FiLMBlock(a, a, condition)]) for a, b in reversed(pairs[1:])
        )
        self.grow = nn.ModuleList(nn.ConvTranspose1d(w, w, 4, 2, 1) for w in reversed(widths[:-1]))
        self.last = nn.Sequential(ConvBlock(widths[0], widths[0]), nn.Conv1d(widths[0], config.action_dim, 1))

    def embed(self, vector: Tensor) -> Tensor:
        """(B, hidden)."""
        return self.embed_condition(torch.cat([self.norm(vector[:, : self.hidden]), vector[:, self.hidden :]], -1))

    def denoise(self, x: Tensor, t: Tensor, embedded: Tensor) -> Tensor:
        """The prediction for x (B, n, D) at timesteps t (B,)."""
        c = torch.cat([self.embed_time(time_embedding(t)), embedded], -1)
        x, kept = x.transpose(1, 2), []
        for level, blocks in enumerate(self.down):
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, c)
            kept.append(x)
            x = self.shrink[level](x) if level < len(self.shrink) else x
        for block in self.middle:
            x = block(x, c)
        for blocks, grow in zip(self.up, self.grow, strict=True):
            x = torch.cat([x, kept.pop()], 1)
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x, c)
            x = grow(x)
        return self.last(x).transpose(1, 2)

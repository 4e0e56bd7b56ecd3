"""The diffusion transformer that turns one condition vector and noise into an action chunk (policy.md 1.5).

Each of the 16 actions is a token; attention over the chunk is full; the condition enters only through adaLN-Zero:
c = t_emb + Linear([LayerNorm(h), rest]), where h comes from the language model and `rest` is proprioception (and, by
option, keypoints and object positions).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from policy.config import ChatVLAConfig
from policy.diffusion import DDIM, NoiseSource, gaussian

TIME_DIM = 256


class Block(nn.Module):
    """Attention and feed-forward, each shifted, scaled and gated by the condition; gates start at zero."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width))
        self.modulation = nn.Linear(width, 6 * width)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """x (B, n, width), c (B, width) after SiLU."""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.modulation(c)[:, None].chunk(6, -1)
        q, k, v = self.qkv(modulated(x, shift_a, scale_a)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + gate_a * self.proj(attended)
        return x + gate_m * self.mlp(modulated(x, shift_m, scale_m))


class DiTHead(nn.Module):
    """Noised actions (B, 16, 10), timesteps (B,) and condition (B, hidden + rest) to the prediction (B, 16, 10)."""

    def __init__(self, config: ChatVLAConfig, rest_dim: int) -> None:
        super().__init__()
        head, hidden = config.head, config.text.hidden_size
        self.hidden, self.width = hidden, head.width
        self.noise_samples = head.noise_samples
        self.shape = (config.horizon, config.action_dim)
        self.diffusion = DDIM(head)
        self.embed_action = nn.Linear(config.action_dim, head.width)
        self.position = nn.Parameter(torch.empty(1, config.horizon, head.width))
        self.embed_time = nn.Sequential(nn.Linear(TIME_DIM, head.width), nn.SiLU(), nn.Linear(head.width, head.width))
        self.norm = nn.LayerNorm(hidden)
        layers: list[nn.Module] = [nn.Linear(hidden + rest_dim, head.width)]
        if config.options.condition_mlp:
            layers = [nn.Linear(hidden + rest_dim, 2 * head.width), nn.GELU(), nn.Linear(2 * head.width, head.width)]
        self.embed_condition = nn.Sequential(*layers)
        self.blocks = nn.ModuleList(Block(head.width, head.heads) for _ in range(head.depth))
        self.last_modulation = nn.Linear(head.width, 2 * head.width)
        self.last = nn.Linear(head.width, config.action_dim)
        nn.init.normal_(self.position, std=0.02 if head.width > 256 else 0.1)
        self.zero_init()

    def zero_init(self) -> None:
        """adaLN-Zero: every block starts as the identity and the prediction as 0. Call after anything that re-inits."""
        for block in self.blocks:
            nn.init.zeros_(block.modulation.weight)  # type: ignore[union-attr, arg-type]
            nn.init.zeros_(block.modulation.bias)  # type: ignore[union-attr, arg-type]
        for layer in (self.last_modulation, self.last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def embed(self, condition: Tensor) -> Tensor:
        """The timestep-independent part of c, (B, width): computed once for all denoising steps."""
        return self.embed_condition(torch.cat([self.norm(condition[:, : self.hidden]), condition[:, self.hidden :]], -1))

    def denoise(self, x: Tensor, t: Tensor, embedded: Tensor) -> Tensor:
        """The prediction for x (B, n, 10) at timesteps t (B,)."""
        c = F.silu(self.embed_time(time_embedding(t)) + embedded)
        hidden = self.embed_action(x) + self.position
        for block in self.blocks:
            hidden = block(hidden, c)
        shift, scale = self.last_modulation(c)[:, None].chunk(2, -1)
        return self.last(modulated(hidden, shift, scale))

    def forward(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        return self.denoise(x, t, self.embed(condition))

    def loss(
        self, condition: Tensor, actions: Tensor, mask: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Mean squared error over the actions that `mask` (B, n) marks; `actions` (B, n, 10) in [-1, 1].

        Zero, with gradients connected, where nothing is marked.
        """
        copies = self.noise_samples
        embedded = self.embed(condition).repeat(copies, 1)
        clean, weight = actions.float().repeat(copies, 1, 1), mask.float().repeat(copies, 1)[..., None]
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        t = torch.randint(self.diffusion.config.train_steps, (len(clean),), generator=generator, device=clean.device)
        predicted = self.denoise(self.diffusion.add_noise(clean, noise, t), t, embedded).float()
        squared = (predicted - self.diffusion.target(clean, noise)) ** 2 * weight
        return squared.sum() / (weight.sum() * self.shape[1]).clamp_min(1)

    @torch.no_grad()
    def sample(self, condition: Tensor, source: NoiseSource = None) -> Tensor:
        """Action chunks (B, 16, 10) in [-1, 1]."""
        noise = gaussian(len(condition), self.shape, source, condition.device)
        embedded = self.embed(condition)
        return self.diffusion.sample(lambda x, t: self.denoise(x, t, embedded), noise)


def modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """LayerNorm without weights, then scale and shift."""
    return F.layer_norm(x, (x.shape[-1],), eps=1e-6) * (1 + scale) + shift


def time_embedding(t: Tensor) -> Tensor:
    """(B,) timesteps to (B, 256) cosines and sines, float32."""
    frequency = torch.exp(-math.log(10000) * torch.arange(TIME_DIM // 2, device=t.device) / (TIME_DIM // 2))
    angle = t[:, None].float() * frequency
    return torch.cat([angle.cos(), angle.sin()], -1)

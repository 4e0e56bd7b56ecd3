"""What every head that iterates from noise to actions has in common: the loss on noised chunks, and sampling.

Legend: B rows, n actions of a chunk, D numbers of an action.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from policy.config import ChatVLAConfig
from policy.diffusion import DDIM, NoiseSource, gaussian


@dataclass(frozen=True)
class Prefix:
    """What the language model computed of prompt and reasoning: for heads that look at all of it.

    `keys`, `values`: of each layer (B, kv_heads, S, width); `visible` (B, S) bool; `position` (B,): the first free one.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    visible: Tensor
    position: Tensor


@dataclass(frozen=True)
class Context:
    """What a head acts upon: `vector` (B, hidden + rest) float32, and the prefix where the head asks for it."""

    vector: Tensor
    prefix: Prefix | None = None


class Head(nn.Module):
    """Context to action chunks in [-1, 1]. `needs_prefix`: whether it looks at keys and values of the language model."""

    needs_prefix = False

    def __init__(self, config: ChatVLAConfig) -> None:
        super().__init__()
        self.noise_samples = config.head.noise_samples
        self.shape = (config.horizon, config.action_dim)

    def zero_init(self) -> None:
        """Puts layers that must start at zero there. Call after anything that re-initialises weights."""

    def loss(self, context: Context, actions: Tensor, mask: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Mean squared error over the actions that `mask` (B, n) marks; `actions` (B, n, D) in [-1, 1].

        Zero, with gradients connected, where nothing is marked.
        """
        raise NotImplementedError

    def sample(self, context: Context, source: NoiseSource = None) -> Tensor:
        """Action chunks (B, n, D) in [-1, 1]."""
        raise NotImplementedError


class DiffusionHead(Head):
    """A head that denoises given one vector: `embed` runs once a chunk, `denoise` at every step."""

    def __init__(self, config: ChatVLAConfig) -> None:
        super().__init__(config)
        self.diffusion = DDIM(config.head)

    def embed(self, vector: Tensor) -> Any:
        """The timestep-independent part of the condition."""
        raise NotImplementedError

    def denoise(self, x: Tensor, t: Tensor, embedded: Any) -> Tensor:
        """The prediction for x (B, n, D) at timesteps t (B,)."""
        raise NotImplementedError

    def loss(self, context: Context, actions: Tensor, mask: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Diffusion loss; see `Head.loss`."""
        copies = self.noise_samples
        embedded = self.embed(context.vector).repeat(copies, 1)
        clean, weight = actions.float().repeat(copies, 1, 1), mask.float().repeat(copies, 1)[..., None]
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        t = torch.randint(self.diffusion.config.train_steps, (len(clean),), generator=generator, device=clean.device)
        predicted = self.denoise(self.diffusion.add_noise(clean, noise, t), t, embedded).float()
        return masked_mse(predicted, self.diffusion.target(clean, noise), weight)

    @torch.no_grad()
    def sample(self, context: Context, source: NoiseSource = None) -> Tensor:
        """Denoised chunks; see `Head.sample`."""
        noise = gaussian(len(context.vector), self.shape, source, context.vector.device)
        embedded = self.embed(context.vector)
        return self.diffusion.sample(lambda x, t: self.denoise(x, t, embedded), noise)


def masked_mse(predicted: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean of squared errors (B, n, D) under `weight` (B, n, 1); 0, connected, where all weights are."""
    squared = (predicted - target) ** 2 * weight
    return squared.sum() / (weight.sum() * predicted.shape[-1]).clamp_min(1)

"""DDIM: how noise is added to actions in training and taken away again at inference, in float32.

With a_t the cumulative product of the cosine schedule, x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e. One deterministic step
(eta 0) puts the predicted x_0, clipped to [-1, 1], and e together again at the previous a. The last step uses a = 1,
so a perfect predictor gives x_0 exactly. Settings: research/policy.md 1.5 (cosine betas, leading spacing).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from policy.config import HeadConfig

MAX_BETA = 0.999
NoiseSource = torch.Generator | Sequence[torch.Generator] | None
"""One generator for all rows, one for each, or torch's own."""


def cosine_alphas_cumprod(steps: int) -> Tensor:
    """(steps,) float32: the squared-cosine schedule, each beta capped at 0.999 (Nichol and Dhariwal 2021, eq. 17)."""

    def level(t: float) -> float:
        return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

    betas = [min(1 - level((i + 1) / steps) / level(i / steps), MAX_BETA) for i in range(steps)]
    return torch.cumprod(1 - torch.tensor(betas, dtype=torch.float64), 0).float()


def gaussian(rows: int, shape: tuple[int, ...], source: NoiseSource, device: torch.device) -> Tensor:
    """(rows, *shape) of noise; with a generator for each row, a row is the same whatever stands beside it."""
    if source is None:
        return torch.randn((rows, *shape), device=device)
    if isinstance(source, torch.Generator):
        return torch.randn((rows, *shape), generator=source, device=source.device).to(device)
    return torch.cat([torch.randn((1, *shape), generator=g, device=g.device) for g in source]).to(device)


class DDIM(nn.Module):
    """The schedule of a head; `network(x, t)` predicts what `config.prediction` says."""

    alphas: Tensor

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        if config.train_steps % config.inference_steps:
            raise ValueError(
                f"inference_steps is {config.inference_steps}; expected a divisor of train_steps = {config.train_steps}"
            )
        self.config = config
        self.register_buffer("alphas", cosine_alphas_cumprod(config.train_steps), persistent=False)

    def add_noise(self, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t of (B, n, D) at (B,) timesteps."""
        alpha = self.alphas[t][:, None, None]
        return alpha.sqrt() * clean + (1 - alpha).sqrt() * noise

    def target(self, clean: Tensor, noise: Tensor) -> Tensor:
        """What the network should predict."""
        return clean if self.config.prediction == "sample" else noise

    def timesteps(self) -> list[int]:
        """The timesteps of inference, from noisy to clean: 90, 80, ..., 0 for 100 and 10."""
        stride = self.config.train_steps // self.config.inference_steps
        return list(range(0, self.config.train_steps, stride))[::-1]

    def step(self, predicted: Tensor, x: Tensor, t: int) -> Tensor:
        """x at the timestep before `t`."""
        stride = self.config.train_steps // self.config.inference_steps
        alpha = self.alphas[t]
        before = self.alphas[t - stride] if t >= stride else torch.ones_like(alpha)
        if self.config.prediction == "sample":
            clean, noise = predicted, (x - alpha.sqrt() * predicted) / (1 - alpha).sqrt()
        else:
            clean, noise = (x - (1 - alpha).sqrt() * predicted) / alpha.sqrt(), predicted
        return before.sqrt() * clean.clamp(-1, 1) + (1 - before).sqrt() * noise

    def ancestral_step(self, predicted: Tensor, x: Tensor, t: int, noise: Tensor) -> Tensor:
        """x at t - 1 from the predicted noise, with fresh noise but at the last step (DDPM, Ho et al. 2020, equation 7).

        The clean actions that the prediction implies are clipped to [-1, 1]: at the noisiest of 20 cosine steps an error
        of the prediction counts 31 times.
        """
        level, before = self.alphas[t], self.alphas[t - 1] if t else torch.ones_like(self.alphas[t])
        alpha = level / before
        clean = ((x - (1 - level).sqrt() * predicted) / level.sqrt()).clamp(-1, 1)
        mean = (before.sqrt() * (1 - alpha) * clean + alpha.sqrt() * (1 - before) * x) / (1 - level)
        return mean + ((1 - before) / (1 - level) * (1 - alpha)).sqrt() * noise

    @torch.no_grad()
    def sample(self, network: Callable[[Tensor, Tensor], Tensor], noise: Tensor) -> Tensor:
        """Actions (B, n, D) in [-1, 1] from Gaussian `noise` of that shape."""
        x = noise.float()
        for t in self.timesteps():
            x = self.step(network(x, torch.full((len(x),), t, device=x.device)).float(), x, t)
        return x


@torch.no_grad()
def ancestral_sample(schedule: DDIM, network: Callable[[Tensor, Tensor], Tensor], noise: Callable[[], Tensor]) -> Tensor:
    """Actions (B, n, D) in [-1, 1], over all steps of the schedule; `noise()` draws (B, n, D)."""
    x = noise().float()
    for t in reversed(range(schedule.config.train_steps)):
        predicted = network(x, torch.full((len(x),), t, device=x.device)).float()
        x = schedule.ancestral_step(predicted, x, t, noise())
    return x

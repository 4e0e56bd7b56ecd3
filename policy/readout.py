"""Where things are, to the pixel, as the language model asks for it (options `keypoint_readout`, `object_positions`).

The language model's state at a token that names something modulates a fine map of each camera, whose spatial softmax
gives keypoints. From them an auxiliary head tells the object's and its goal's position in the base frame.
Legend: C control rows, R references a row, V cameras, K keypoints, E channels, L = rows x columns of the map.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from envs.types import EE_POS
from policy.config import ChatVLAConfig
from policy.normalizer import TARGET_DIM, NormStats

MAP_WIDTH = 96


class KeypointReadout(nn.Module):
    """Stem maps and reference states to keypoints (C, R, V x K x 2), x and y in [-1, 1] (right, down)."""

    def __init__(self, config: ChatVLAConfig) -> None:
        super().__init__()
        self.cameras, self.keypoints = len(config.cameras), config.keypoints
        self.features = nn.Sequential(
            nn.Conv2d(config.stem_width, MAP_WIDTH, 3, 2, 1), nn.GroupNorm(4, MAP_WIDTH), nn.ReLU()
        )
        self.norm = nn.LayerNorm(config.text.hidden_size)
        self.camera = nn.Parameter(0.5 * torch.randn(self.cameras, config.text.hidden_size))
        self.film = nn.Linear(config.text.hidden_size, 2 * MAP_WIDTH)
        self.mix = nn.Linear(MAP_WIDTH, MAP_WIDTH)
        self.score = nn.Linear(MAP_WIDTH, self.keypoints)
        self.features.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def dim(self) -> int:
        """How many numbers a reference gets."""
        return self.cameras * self.keypoints * 2

    def fine(self, stem_map: Tensor) -> Tensor:
        """The map that keypoints are found on, (C, V, H/8, W/8, E), of (C x V, width, H/4, W/4), cameras in order within a row."""
        return self.features(stem_map).permute(0, 2, 3, 1).unflatten(0, (-1, self.cameras))

    def forward(self, fine: Tensor, state: Tensor) -> Tensor:
        """Keypoints on the map `fine` of the references whose states are `state` (C, R, hidden)."""
        c, r = state.shape[:2]
        grid = pixel_grid(fine.shape[2], fine.shape[3], fine.device)
        fine_CVLE = fine.flatten(2, 3)
        scale, shift = self.film(self.norm(state)[:, :, None] + self.camera).transpose(1, 2).chunk(2, -1)  # C V R E
        # mix(fine * (1 + scale) + shift), with the scale moved into the weights: the map is never copied per reference.
        weight = self.mix.weight * (1 + scale)[..., None, :]  # C V R out E
        bias = self.mix(shift)
        mixed = fine_CVLE @ weight.flatten(2, 3).transpose(-1, -2)  # C V L (R out)
        mixed = mixed.unflatten(-1, (r, MAP_WIDTH)) + bias[:, :, None]
        logits_CVLRK = self.score(mixed.relu())
        with torch.autocast(logits_CVLRK.device.type, enabled=False):
            attention = logits_CVLRK.float().softmax(2)
            points = torch.einsum("cvlrk,lx->crvkx", attention, grid)
        return points.reshape(c, r, self.dim)


class ObjectPositions(nn.Module):
    """Keypoints, normalised agent_pos and reference state to (C, R, 6) positions: the object, then its goal."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: ChatVLAConfig, keypoint_dim: int, stats: NormStats) -> None:
        super().__init__()
        width = keypoint_dim + config.agent_pos_dim + config.text.hidden_size
        self.norm = nn.LayerNorm(config.text.hidden_size)
        self.mlp = nn.Sequential(nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, TARGET_DIM))
        self.register_buffer("mean", torch.tensor(stats.target_mean))
        self.register_buffer("std", torch.tensor(stats.target_std))

    def forward(self, keypoints: Tensor, agent_pos: Tensor, state: Tensor) -> Tensor:
        """Normalised positions; `agent_pos` (C, 17) normalised."""
        proprio = agent_pos[:, None].expand(-1, state.shape[1], -1)
        return self.mlp(torch.cat([keypoints, proprio, self.norm(state)], -1)).float()

    def loss(self, predicted: Tensor, target_pos: Tensor, mask: Tensor) -> Tensor:
        """Smooth L1 over the marked references (C, R); `target_pos` (C, R, 6) m."""
        error = F.smooth_l1_loss(predicted, (target_pos - self.mean) / self.std, reduction="none", beta=0.1).mean(-1)
        weight = mask.to(error.dtype)
        return (error * weight).sum() / weight.sum().clamp_min(1)

    def metres(self, predicted: Tensor) -> Tensor:
        """(..., 6) m, base frame, of normalised ones."""
        return predicted * self.std + self.mean

    def relative(self, predicted: Tensor, agent_pos: Tensor) -> Tensor:
        """(C, 12) what the action head sees: both positions relative to the gripper, coarse and fine.

        `predicted` (C, 6) normalised, `agent_pos` (C, 17) raw. No gradient: the positions answer to their own loss.
        """
        offset = (self.metres(predicted.detach()).view(-1, 2, 3) - agent_pos[:, None, EE_POS].float()).flatten(1)
        return torch.cat([offset / 0.1, (offset / 0.02).clamp(-3, 3)], -1)


def pixel_grid(rows: int, columns: int, device: torch.device) -> Tensor:
    """(rows x columns, 2): x and y of each cell in [-1, 1]."""
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, rows, device=device), torch.linspace(-1, 1, columns, device=device), indexing="ij"
    )
    return torch.stack([x.flatten(), y.flatten()], -1)

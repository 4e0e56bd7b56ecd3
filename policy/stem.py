"""A convolutional stem (option `conv_stem`): pixels to a stride-4 map, and from it the vision tower's patch tokens.

The same map feeds the keypoint readout, so fine position and patch tokens share their first layers. Order of layers
from research/policy_probe.md: ReLU at full size and one norm at the end runs 2.8 times faster than norms throughout.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from policy.config import ChatVLAConfig
from policy.pixels import merge_order

STRIDE = 4


class ConvStem(nn.Module):
    """uint8 images (N, H, W, 3) -> map (N, width, H/4, W/4), channels last in memory."""

    def __init__(self, config: ChatVLAConfig) -> None:
        super().__init__()
        width, dim = config.stem_width, config.vision.embed_dim
        self.merge = config.vision.spatial_merge_size
        rows, columns = (side // config.vision.patch_size for side in config.image_size)
        self.net = nn.Sequential(
            nn.Conv2d(3, width // 2, 5, 2, 2),
            nn.ReLU(),
            nn.Conv2d(width // 2, width, 3, 2, 1),
            nn.GroupNorm(4, width),
            nn.ReLU(),
        )
        side = config.vision.patch_size // STRIDE
        self.patches = nn.Conv2d(width, dim, side, side)
        self.position = nn.Parameter(0.3 * sinusoidal_grid(rows, columns, dim))
        self.camera = nn.Parameter(0.1 * torch.randn(len(config.cameras), dim))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)  # NHWC in memory is channels last already
        return self.net(pixels)

    def tokens(self, stem_map: Tensor, cameras: Tensor) -> Tensor:
        """Patch tokens (N, rows x columns, embed_dim) in the order that Qwen2-VL's merger expects."""
        patches = self.patches(stem_map).permute(0, 2, 3, 1) + self.position + self.camera[cameras][:, None, None]
        return merge_order(patches, self.merge)


def sinusoidal_grid(rows: int, columns: int, dim: int) -> Tensor:
    """(rows, columns, dim): half the channels tell the row, half the column."""

    def axis(n: int) -> Tensor:
        angle = torch.linspace(0, 1, n)[:, None] * (math.pi * torch.linspace(0.5, n / 2, dim // 4))[None]
        return torch.cat([angle.sin(), angle.cos()], -1)

    row = axis(rows)[:, None].expand(rows, columns, -1)
    column = axis(columns)[None].expand(rows, columns, -1)
    return torch.cat([row, column], -1)

"""From uint8 pictures to the flat patches that Qwen2-VL's vision tower reads, without torchvision.

Equal to transformers' own Qwen2VLImageProcessor where nothing has to be resized (tests compare them).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# The statistics that CLIP, and so Qwen2-VL, normalises with (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD).
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
TEMPORAL = 2  # a still picture fills both frames of a temporal patch


def patchify(images: Tensor, patch: int, merge: int) -> Tensor:
    """(N, H, W, 3) uint8 -> (N x patches, 3 x 2 x patch x patch) float32, normalised, in the merger's order.

    The permutation runs on bytes, before the pictures become floats (research/train_probe.md section 1: 2.4 times).
    """
    n, height, width, _ = images.shape
    rows, columns = height // patch, width // patch
    cells = images.view(n, rows // merge, merge, patch, columns // merge, merge, patch, 3)
    # picture, row and column of the square, row and column in the square | channel, pixel row, pixel column
    cells = cells.permute(0, 1, 4, 2, 5, 7, 3, 6).reshape(n * rows * columns, 3, 1, patch * patch)
    mean = torch.tensor(MEAN, device=images.device).view(1, 3, 1, 1) * 255
    std = torch.tensor(STD, device=images.device).view(1, 3, 1, 1) * 255
    return ((cells.float() - mean) / std).expand(-1, 3, TEMPORAL, -1).reshape(len(cells), -1)


def merge_order(patches: Tensor, merge: int) -> Tensor:
    """(N, rows, columns, d) -> (N, rows x columns, d) with each merge x merge square of patches together."""
    rows, columns = patches.shape[1:3]
    squares = patches.unflatten(2, (columns // merge, merge)).unflatten(1, (rows // merge, merge))
    return squares.transpose(2, 3).flatten(1, 4)


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, H, W, 3) uint8 at another (height, width), antialiased bicubic."""
    if tuple(images.shape[1:3]) == size:
        return images
    planes = images.permute(0, 3, 1, 2).float()
    planes = F.interpolate(planes, size, mode="bicubic", antialias=True)
    return planes.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()

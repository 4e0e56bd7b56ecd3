"""Pictures as the network sees them: 320x240 halved exactly in integers, and PNG in memory.

One function halves the camera's picture for training data and at inference alike, so both see the same pixels.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HALF_SHAPE = (120, 160, 3)  # height, width, RGB

Pixels = NDArray[np.uint8]


def halve(image: Pixels) -> Pixels:
    """(..., H, W, C) uint8 -> (..., H/2, W/2, C) uint8: the mean of each 2x2 box, rounded half up.

    Raises:
        ValueError: the dtype is not uint8, or a side is odd.
    """
    if image.dtype != np.uint8:
        raise ValueError(f"image has dtype {image.dtype}, expected uint8 (0-255 RGB)")
    height, width = image.shape[-3:-1]
    if height % 2 or width % 2:
        raise ValueError(f"image is {height}x{width}, expected even sides such as 240x320")
    rows = image[..., 0::2, :, :].astype(np.uint16) + image[..., 1::2, :, :]
    total = rows[..., 0::2, :] + rows[..., 1::2, :]
    return ((total + 2) >> 2).astype(np.uint8)


def halve_labels(segmentation: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(..., H, W) labels -> (..., H/2, W/2): the upper left of each 2x2 box (labels are not averaged)."""
    return np.ascontiguousarray(segmentation[..., ::2, ::2])


def encode_png(image: Pixels) -> bytes:
    """(H, W, 3) uint8 RGB -> a PNG file's bytes."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def decode_png(data: bytes) -> Pixels:
    """A PNG file's bytes -> (H, W, 3) uint8 RGB."""
    return np.array(Image.open(io.BytesIO(data)).convert("RGB"))

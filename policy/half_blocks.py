"""A picture in a terminal: two pixels a character, upper and lower half, in 24-bit colour."""

from __future__ import annotations

import os
from typing import TextIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH = 72  # characters, where the terminal has so many


def shows_colour(out: TextIO) -> bool:
    """Whether a stream is a terminal whose user has not asked for plain text (NO_COLOR, TERM=dumb)."""
    return out.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def half_blocks(image: NDArray[np.uint8], columns: int = WIDTH) -> str:
    """(H, W, 3) uint8 RGB as lines of characters with ANSI colours, `columns` wide, in the picture's proportions."""
    height, width, _ = image.shape
    rows = max(1, round(columns * height / width / 2))
    small = np.asarray(Image.fromarray(image).resize((columns, 2 * rows), Image.Resampling.BOX))
    lines = []
    for upper, lower in zip(small[::2].tolist(), small[1::2].tolist(), strict=True):
        cells = (f"\x1b[38;2;{a};{b};{c};48;2;{d};{e};{f}m\u2580" for (a, b, c), (d, e, f) in zip(upper, lower, strict=True))
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)

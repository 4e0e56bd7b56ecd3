"""Where each token of a row stands, as each backbone counts it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

WORDS, PICTURES, READOUT = range(3)  # the blocks of Octo's sequence: each sees itself and those before it


def mrope(
    ids: NDArray[np.integer], segment: NDArray[np.integer], image_id: int, grids: Mapping[int, tuple[int, int]]
) -> NDArray[np.int64]:
    """(3, S) positions as Qwen2-VL's `get_rope_index`, restarting behind the prefix for each packed segment.

    Text counts up by one in all three; a picture's tokens share a time, count rows in height and columns in width, and
    what follows goes on behind the larger side of the picture. Padding is at 0.
    """
    out = np.zeros((3, len(ids)), np.int64)
    is_image = ids == image_id
    changes = np.flatnonzero((segment[1:] != segment[:-1]) | (is_image[1:] != is_image[:-1])) + 1
    position, prefix_end = 0, 0
    for start, stop in zip([0, *changes], [*changes, len(ids)], strict=True):
        if segment[start] < 0:
            continue
        if segment[start] > 0 and segment[start] != segment[start - 1]:
            position = prefix_end
        if is_image[start]:
            rows, columns = grids[int(stop - start)]
            out[0, start:stop] = position
            out[1, start:stop] = position + np.repeat(np.arange(rows), columns)
            out[2, start:stop] = position + np.tile(np.arange(columns), rows)
            position += max(rows, columns)
        else:
            out[:, start:stop] = position + np.arange(stop - start)
            position += int(stop - start)
        if segment[start] == 0:
            prefix_end = position
    return out


def blocks(ids: NDArray[np.integer], segment: NDArray[np.integer], image_id: int, readout_id: int) -> NDArray[np.int64]:
    """(3, S) the block of each of an Octo row's tokens, thrice; padding is with the words.

    Where a token stands in its block is told by what it is embedded with.
    """
    found = np.select([segment < 0, ids == image_id, ids == readout_id], [WORDS, PICTURES, READOUT], WORDS)
    return np.tile(found.astype(np.int64), (3, 1))

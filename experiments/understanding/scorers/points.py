"""Pointing answers: the share of the points said that lie within the mask (as RoboPoint scores, arXiv:2406.10721)."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

_NUMBER = r"(-?\d*\.?\d+)"
_POINT = re.compile(rf"\(\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\)")


def parse_points(answer: str) -> list[tuple[float, float]]:
    """The points (x, y) of an answer such as `[(0.46, 0.53)]`; x from 0 at the left to 1, y from 0 at the top to 1."""
    return [(float(x), float(y)) for x, y in _POINT.findall(answer)]


def share_in_mask(points: list[tuple[float, float]], mask: Mapping[str, Any]) -> float:
    """The share of points within a mask; 0 without points, and one outside of the picture is outside of the mask.

    `mask`: its `size` (height, width) and `runs`, row after row, the first of them outside.
    """
    if not points:
        return 0.0
    height, width = mask["size"]
    ends = list(accumulate(mask["runs"]))
    inside = 0
    for x, y in points:
        if 0 <= x < 1 and 0 <= y < 1:
            inside += bisect_right(ends, int(y * height) * width + int(x * width)) % 2
    return inside / len(points)

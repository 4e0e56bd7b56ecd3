"""Whether each camera sees what it should at the start of a trial, and not what another should: swapped cables are found here."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from envs.types import CAMERAS
from sim2real.outcomes import CameraError

SMALL = (32, 24)  # px; coarse enough that light and calibration matter little
CLEARLY = 0.05  # of correlation by which another camera's picture must fit better before we say so

Pictures = Mapping[str, NDArray[np.uint8]]


def check_views(live: Pictures, wanted: Pictures) -> None:
    """Compare what each camera sees with what the simulation draws for all of them.

    Raises:
        CameraError: a camera shows clearly more of what another should show.
    """
    fits = {seen: {meant: correlation(live[seen], wanted[meant]) for meant in CAMERAS} for seen in CAMERAS}
    for seen, fit in fits.items():
        best = max(fit, key=fit.__getitem__)
        if fit[best] > fit[seen] + CLEARLY:
            raise CameraError(f"camera {seen} shows what camera {best} should see ({fit[best]:.2f} against {fit[seen]:.2f}): are cables or serial numbers swapped?")


def correlation(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """-1 to 1: how alike two pictures (240, 320, 3) are in their coarse structure."""
    x, y = _coarse(a), _coarse(b)
    return float((x * y).sum() / max(np.linalg.norm(x) * np.linalg.norm(y), 1e-9))


def _coarse(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Small, grey, without its mean."""
    grey = np.asarray(Image.fromarray(picture).convert("L").resize(SMALL, Image.Resampling.BOX), float)
    return grey - grey.mean()

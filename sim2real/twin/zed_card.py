"""Which cameras a twin has: the card in its folder, and what the double of `pyzed.sl` tells of a camera that is open."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sim2real.twin.zed_enums import MODEL, RESOLUTION
from sim2real.twin.zed_types import Fields, Resolution, Struct

MODES = {  # width, height, frames per second; Stereolabs' datasheet of the ZED 2
    RESOLUTION.HD2K: (2208, 1242, (15,)),
    RESOLUTION.HD1080: (1920, 1080, (15, 30)),
    RESOLUTION.HD720: (1280, 720, (15, 30, 60)),
    RESOLUTION.VGA: (672, 376, (15, 30, 60, 100)),
}
MODELS = {"ZED": MODEL.ZED, "ZED Mini": MODEL.ZED_M, "ZED 2": MODEL.ZED2, "ZED 2i": MODEL.ZED2i}
SOCKET, STATES, CARD = "cameras.sock", "states", "cameras.json"  # in the twin's folder


@dataclass(frozen=True)
class CameraCard:
    """One camera of a twin: the scene's name for it, its model, and its vertical field of view in degrees."""

    serial: int
    name: str
    model: str
    fovy: float


class CameraParameters(Struct):
    """Pixels of the picture's size; pixel centres are whole numbers."""

    _fields: ClassVar[Fields] = {"fx": (float, 0.0), "fy": (float, 0.0), "cx": (float, 0.0), "cy": (float, 0.0)}

    @property
    def disto(self) -> NDArray[np.float64]:
        """(12,): the scene's lenses do not distort."""
        return np.zeros(12)


@dataclass(frozen=True)
class CalibrationParameters:
    """Of the lens that the twin has."""

    left_cam: CameraParameters


@dataclass(frozen=True)
class CameraConfiguration:
    """How the camera was opened."""

    resolution: Resolution
    fps: float
    calibration_parameters: CalibrationParameters


@dataclass(frozen=True)
class CameraInformation:
    """Which camera was opened, and how."""

    serial_number: int
    camera_model: MODEL
    camera_configuration: CameraConfiguration


def write_card(folder: Path, cards: list[CameraCard], delay_ms: int) -> None:
    """Say in the twin's folder which cameras there are; `delay_ms`: between what happens and the frame that shows it."""
    (folder / CARD).write_text(json.dumps({"delay_ms": delay_ms, "cameras": [asdict(card) for card in cards]}))


def read_card(folder: Path) -> tuple[dict[int, CameraCard], int]:
    """Serial number -> camera, and `delay_ms`, of the twin in this folder."""
    told = json.loads((folder / CARD).read_text())
    return {c["serial"]: CameraCard(**c) for c in told["cameras"]}, told["delay_ms"]


def information(card: CameraCard, stream: tuple[int, int], size: tuple[int, int], fps: float) -> CameraInformation:
    """Calibration for pictures of `size` (width, height px) of a camera that streams in the size `stream`."""
    focal = stream[1] / 2 / np.tan(np.radians(card.fovy) / 2)
    lens = CameraParameters(float(focal * size[0] / stream[0]), float(focal * size[1] / stream[1]), (size[0] - 1) / 2, (size[1] - 1) / 2)
    return CameraInformation(card.serial, MODELS[card.model], CameraConfiguration(Resolution(*size), fps, CalibrationParameters(lens)))

"""A ZED camera as a source of frames: the left eye's picture, RGB, cropped to 4:3 and made 320x240.

Stereolabs' `pyzed.sl` is handed in as a module, so that what stands in for it is driven by the same lines. It comes with the
ZED SDK (its `get_python_api.py`); the package called pyzed on PyPI is other software.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from envs.types import IMAGE_SHAPE
from sim2real.cameras import Frame
from sim2real.outcomes import CameraError

FPS = 60  # of HD720: a frame is at most 17 ms old when it is read


def load_sl() -> Any:
    """Stereolabs' module.

    Raises:
        CameraError: the ZED SDK's Python API is not installed, or the other pyzed is.
    """
    try:
        return importlib.import_module("pyzed.sl")
    except ImportError as error:
        raise CameraError(
            "there is no pyzed.sl: install the ZED SDK, then run /usr/local/zed/get_python_api.py with this Python. "
            "If `pip show pyzed` names Brim or a data lake, uninstall it: that is other software of the same name"
        ) from error


class ZedCamera:
    """One camera, by its serial number, at so many frames a second."""

    def __init__(self, sl: Any, name: str, serial: int, fps: int = FPS):
        self._sl, self.name, self.serial, self.fps = sl, name, serial, fps
        self._camera: Any = None
        self._mat: Any = None
        self._runtime: Any = None

    def open(self) -> None:
        """Open the camera of this serial number, without depth."""
        sl = self._sl
        known = {device.serial_number for device in sl.Camera.get_device_list()}
        if self.serial not in known:
            raise CameraError(f"camera {self.name} (serial {self.serial}) is not connected; there are {sorted(known) or 'none'}")
        wanted = sl.InitParameters()
        wanted.set_from_serial_number(self.serial)
        wanted.camera_resolution, wanted.camera_fps = sl.RESOLUTION.HD720, self.fps
        wanted.depth_mode = sl.DEPTH_MODE.NONE
        camera = sl.Camera()
        status = camera.open(wanted)
        if status != sl.ERROR_CODE.SUCCESS:
            raise CameraError(f"camera {self.name} (serial {self.serial}) does not open: {status}")
        self._camera, self._mat, self._runtime = camera, sl.Mat(), sl.RuntimeParameters()

    def grab(self) -> Frame:
        """Wait for the next frame."""
        captured = self._grabbed()
        self._camera.retrieve_image(self._mat, self._sl.VIEW.LEFT, self._sl.MEM.CPU, retrieve_size(self._sl))
        return Frame(rgb_320x240(self._mat.get_data()), captured, time.time())

    def whole_picture(self, since_s: float) -> NDArray[np.uint8]:
        """(720, 1280, 3) uint8 RGB, rectified, in the camera's own size: the first frame that was taken after `since_s`, Unix time."""
        while self._grabbed() <= since_s:
            pass
        self._camera.retrieve_image(self._mat, self._sl.VIEW.LEFT, self._sl.MEM.CPU)
        return np.array(self._mat.get_data()[..., 2::-1])

    def _grabbed(self) -> float:
        """Unix time, s, of the next frame, which has come."""
        sl, camera = self._sl, self._camera
        if camera is None:
            raise CameraError(f"camera {self.name} is not open")
        status = camera.grab(self._runtime)
        if status != sl.ERROR_CODE.SUCCESS:
            raise CameraError(f"camera {self.name} (serial {self.serial}) gives no picture: {status}")
        return camera.get_timestamp(sl.TIME_REFERENCE.IMAGE).get_milliseconds() / 1000

    def close(self) -> None:
        """Let go of the device."""
        if self._camera is not None:
            self._camera.close()
            self._camera = None


def retrieve_size(sl: Any) -> Any:
    """426 x 240: the SDK makes the picture small, as wide as its 16:9 is at our height."""
    height = IMAGE_SHAPE[0]
    return sl.Resolution(height * 16 // 9, height)


def rgb_320x240(bgra: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w, 4) BGRA of any size -> a copy, (240, 320, 3) RGB: the middle 4:3, as the simulated cameras see (envs/cameras.py)."""
    height, width, _ = IMAGE_SHAPE
    rgb = np.ascontiguousarray(bgra[..., 2::-1])
    if rgb.shape[0] != height:
        rgb = np.asarray(Image.fromarray(rgb).resize((round(rgb.shape[1] * height / rgb.shape[0]), height), Image.Resampling.BOX))
    left = (rgb.shape[1] - width) // 2
    if left < 0:
        raise CameraError(f"a picture of {bgra.shape[1]}x{bgra.shape[0]} is narrower than 4:3")
    return np.array(rgb[:, left : left + width])

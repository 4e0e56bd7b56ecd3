"""A strict double of `pyzed.sl` whose cameras see a twin's scene. It proves a driver's calls and clocks, never a ZED's pictures.

What it models: `grab` blocks until the next frame is due and gives the newest; a frame shows the scene of its own time; time stamps
are those of the host's clock when the frame was there; `get_data` is BGRA with alpha 255, a view that the next `retrieve_image`
overwrites; a frame is 16:9. In gated mode a motion's frames are taken at the gates, one at each.
"""

from __future__ import annotations

import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from envs.types import CAMERAS
from sim2real.twin import zed_enums, zed_types
from sim2real.twin.state_ring import StateRing
from sim2real.twin.zed_card import (
    MODELS,
    MODES,
    STATES,
    CameraCard,
    CameraInformation,
    CameraParameters,
    information,
    read_card,
)
from sim2real.twin.zed_enums import (
    CAMERA_STATE,
    DEPTH_MODE,
    ERROR_CODE,
    FLIP_MODE,
    MEM,
    RESOLUTION,
    TIME_REFERENCE,
    VIEW,
)
from sim2real.twin.zed_stream import FrameStream
from sim2real.twin.zed_types import (
    DeviceProperties,
    InitParameters,
    Mat,
    Resolution,
    RuntimeParameters,
    Struct,
    Timestamp,
)

SDK_VERSION = "5.4.0 (double of a twin)"
SILENCE_S = 2.0  # without a millisecond of the twin, after which it counts as gone
POLL_S = 0.0005


def sl(folder: Path) -> ModuleType:
    """A module as `import pyzed.sl as sl` gives it, whose cameras are those of the twin in `folder`."""
    rig = _Rig(folder, *read_card(folder), StateRing(folder / STATES))
    module = _Module("pyzed.sl", "A double, made by sim2real.twin.zed.")
    names = {
        name: thing
        for source in (zed_enums, zed_types)
        for name, thing in vars(source).items()
        if isinstance(thing, type) and name[0] != "_" and thing.__module__ == source.__name__ and thing is not Struct
    }
    camera = type("Camera", (_Camera,), {"_rig": rig, "__slots__": ()})
    vars(module).update(names, Camera=camera, CameraParameters=CameraParameters, CameraInformation=CameraInformation)
    return module


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        known = ", ".join(sorted(n for n in self.__dict__ if n[0] != "_"))
        raise AttributeError(f"the twin's double of pyzed.sl has no '{name}'; it has: {known}")


class _Rig:
    """What all cameras of a process share."""

    def __init__(self, folder: Path, cards: dict[int, CameraCard], delay_ms: int, ring: StateRing):
        self.folder, self.cards, self.delay_ms, self.ring = folder, cards, delay_ms, ring
        self.opened: set[int] = set()


class _Camera:
    """One camera. Methods return an ERROR_CODE where the SDK's do."""

    __slots__ = ("_card", "_init", "_stream")
    _rig: _Rig

    def __init__(self) -> None:
        self._card: CameraCard | None = None
        self._stream: FrameStream | None = None

    # --- opening ---

    @staticmethod
    def get_sdk_version() -> str:
        """Says that it is a double."""
        return SDK_VERSION

    @classmethod
    def get_device_list(cls) -> list[DeviceProperties]:
        """The cameras that are plugged in."""
        return [
            DeviceProperties(
                camera_state=CAMERA_STATE.NOT_AVAILABLE if card.serial in cls._rig.opened else CAMERA_STATE.AVAILABLE,
                id=i,
                path=f"/dev/video{i}",
                camera_model=MODELS[card.model],
                serial_number=card.serial,
            )
            for i, card in enumerate(cls._rig.cards.values())
            if not cls._rig.ring.header["unplugged"][CAMERAS.index(card.name)] % 2
        ]

    def open(self, py_init: InitParameters | None = None) -> ERROR_CODE:
        """Start the camera's stream.

        Raises:
            TypeError: no InitParameters. NotImplementedError: depth is asked for, which the twin does not have.
        """
        init = InitParameters() if py_init is None else _checked(py_init, InitParameters)
        if init.depth_mode is not DEPTH_MODE.NONE:
            raise NotImplementedError("the twin's cameras give no depth; set depth_mode=sl.DEPTH_MODE.NONE, which is faster too")
        if self.is_opened():
            return ERROR_CODE.INVALID_FUNCTION_CALL
        plugged = [device.serial_number for device in self.get_device_list()]
        serial = init._serial or next(iter(plugged), 0)
        if serial not in plugged:
            return ERROR_CODE.CAMERA_NOT_DETECTED
        if serial in self._rig.opened:
            return ERROR_CODE.CANNOT_START_CAMERA_STREAM
        mode = RESOLUTION.HD720 if init.camera_resolution is RESOLUTION.AUTO else init.camera_resolution
        width, height, rates = MODES[mode]
        fps = min(rates, key=lambda rate: abs(rate - init.camera_fps)) if init.camera_fps else max(rates)
        self._init, self._card = init, self._rig.cards[serial]
        self._stream = FrameStream(self._rig.folder, self._rig.ring, self._rig.delay_ms, self._card.name, (width, height), fps)
        self._rig.opened.add(serial)
        return ERROR_CODE.SUCCESS

    def is_opened(self) -> bool:
        """Whether `open` succeeded and `close` was not called since."""
        return self._stream is not None

    def close(self) -> None:
        """End the stream."""
        if self._stream is not None and self._card is not None:
            self._stream.close()
            self._rig.opened.discard(self._card.serial)
        self._stream = None

    def get_camera_information(self, resizer: Resolution | None = None) -> CameraInformation:
        """Calibration for the size `resizer`, or for that of the stream."""
        card, stream = self._opened()
        wanted = stream.size if resizer is None or not resizer.area() else (resizer.width, resizer.height)
        return information(card, stream.size, wanted, float(stream.fps))

    # --- frames ---

    def grab(self, py_runtime: RuntimeParameters | None = None) -> ERROR_CODE:
        """Wait for the next frame."""
        if py_runtime is not None:
            _checked(py_runtime, RuntimeParameters)
        stream, ring = self._stream, self._rig.ring
        if stream is None:
            return ERROR_CODE.CAMERA_NOT_INITIALIZED
        last_tick, heard = ring.tick, time.monotonic()
        while True:
            if stream.is_unplugged:
                time.sleep(1 / stream.fps)
                return ERROR_CODE.CAMERA_NOT_DETECTED
            if stream.take():
                return ERROR_CODE.SUCCESS
            if ring.tick != last_tick or ring.header["at_gate"]:
                last_tick, heard = ring.tick, time.monotonic()
            elif time.monotonic() - heard > SILENCE_S:
                return ERROR_CODE.CAMERA_NOT_DETECTED
            time.sleep(POLL_S)

    def retrieve_image(
        self, py_mat: Mat, view: VIEW = VIEW.LEFT, mem_type: MEM = MEM.CPU, resolution: Resolution | None = None
    ) -> ERROR_CODE:
        """Put the frame that was grabbed last into `py_mat`, (height, width, 4) uint8 BGRA."""
        _checked(py_mat, Mat)
        if _checked(view, VIEW) not in (VIEW.LEFT, VIEW.LEFT_UNRECTIFIED) or _checked(mem_type, MEM) is not MEM.CPU:
            raise NotImplementedError("the twin's cameras have a left lens only, and pictures in sl.MEM.CPU")
        stream = self._stream
        if stream is None:
            return ERROR_CODE.CAMERA_NOT_INITIALIZED
        if stream.state is None:
            return ERROR_CODE.FAILURE
        size = stream.size
        if resolution is not None and _checked(resolution, Resolution).area():
            size = (resolution.width, resolution.height)
        if size[0] > stream.size[0] or size[1] > stream.size[1]:
            return ERROR_CODE.INVALID_RESOLUTION
        rgb = stream.picture(*size)
        bgra = np.dstack([rgb[..., ::-1], np.full(rgb.shape[:2], 255, np.uint8)])
        py_mat._fill(bgra[::-1, ::-1] if self._init.camera_image_flip is FLIP_MODE.ON else bgra)
        return ERROR_CODE.SUCCESS

    def get_timestamp(self, time_reference: TIME_REFERENCE) -> Timestamp:
        """Of the frame that was grabbed last, or of now; Unix time."""
        now = _checked(time_reference, TIME_REFERENCE) is TIME_REFERENCE.CURRENT
        return Timestamp(time.time_ns() if now else self._stream.stamp_ns if self._stream else 0)

    def get_frame_dropped_count(self) -> int:
        """Frames that were never grabbed, because a newer one was there."""
        return self._opened()[1].dropped

    def get_current_fps(self) -> float:
        """Of the stream."""
        return float(self._opened()[1].fps)

    def _opened(self) -> tuple[CameraCard, FrameStream]:
        if self._card is None or self._stream is None:
            raise RuntimeError("the camera is not open: sl.Camera.open")
        return self._card, self._stream


def _checked(value: Any, kind: type) -> Any:
    """The value, if it is of that class; Cython's error otherwise."""
    if not isinstance(value, kind):
        raise TypeError(f"Argument has incorrect type (expected pyzed.sl.{kind.__name__}, got {type(value).__name__})")
    return value

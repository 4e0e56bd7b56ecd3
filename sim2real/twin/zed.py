"""A strict double of `pyzed.sl` whose cameras see a twin's scene. It proves a driver's calls and clocks, never a ZED's pictures.

What it models: `grab` blocks until the next frame is due and gives the newest; a frame shows the scene of its own time; time stamps
are those of the host's clock when the frame was there; `get_data` is BGRA with alpha 255, a view that the next `retrieve_image`
overwrites; a frame is 16:9. In gated mode a motion's frames are taken at the gates, one at each.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from multiprocessing.connection import Client, Connection
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from envs.types import CAMERAS
from sim2real.twin import wire, zed_types
from sim2real.twin.camera_process import OldShotError, Shot
from sim2real.twin.state_ring import StateRing, TwinState
from sim2real.twin.zed_types import (
    CAMERA_STATE,
    DEPTH_MODE,
    ERROR_CODE,
    FLIP_MODE,
    MEM,
    MODEL,
    RESOLUTION,
    TIME_REFERENCE,
    VIEW,
    DeviceProperties,
    Fields,
    InitParameters,
    Mat,
    Resolution,
    RuntimeParameters,
    Struct,
    Timestamp,
)

SDK_VERSION = "5.4.0 (double of a twin)"
MODES = {  # width, height, frames per second; Stereolabs' datasheet of the ZED 2
    RESOLUTION.HD2K: (2208, 1242, (15,)),
    RESOLUTION.HD1080: (1920, 1080, (15, 30)),
    RESOLUTION.HD720: (1280, 720, (15, 30, 60)),
    RESOLUTION.VGA: (672, 376, (15, 30, 60, 100)),
}
MODELS = {"ZED": MODEL.ZED, "ZED Mini": MODEL.ZED_M, "ZED 2": MODEL.ZED2, "ZED 2i": MODEL.ZED2i}
SILENCE_S = 2.0  # without a millisecond of the twin, after which it counts as gone
POLL_S = 0.0005
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


def sl(folder: Path) -> ModuleType:
    """A module as `import pyzed.sl as sl` gives it, whose cameras are those of the twin in `folder`."""
    told = json.loads((folder / CARD).read_text())
    rig = _Rig(folder, {c["serial"]: CameraCard(**c) for c in told["cameras"]}, told["delay_ms"], StateRing(folder / STATES))
    module = _Module("pyzed.sl", "A double, made by sim2real.twin.zed.")
    names = {name: thing for name, thing in vars(zed_types).items() if isinstance(thing, type) and name[0] != "_"}
    names = {name: thing for name, thing in names.items() if thing.__module__ == zed_types.__name__ and thing is not Struct}
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

    __slots__ = (
        "_card", "_dropped", "_fps", "_frame", "_gate", "_index", "_init", "_pipe", "_plugged", "_size", "_stamp_ns", "_state"
    )  # fmt: skip
    _rig: _Rig

    def __init__(self) -> None:
        self._card: CameraCard | None = None
        self._pipe: Connection | None = None

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
        self._size = (width, height)
        self._fps = min(rates, key=lambda rate: abs(rate - init.camera_fps)) if init.camera_fps else max(rates)
        self._init, self._card = init, self._rig.cards[serial]
        self._pipe = Client(str(self._rig.folder / SOCKET), "AF_UNIX")
        self._plugged = int(self._rig.ring.header["unplugged"][self._number])
        self._index, self._gate, self._dropped, self._stamp_ns = -1, -1, 0, 0
        self._state: TwinState | None = None
        self._frame: NDArray[np.uint8] | None = None
        self._rig.opened.add(serial)
        return ERROR_CODE.SUCCESS

    def is_opened(self) -> bool:
        """Whether `open` succeeded and `close` was not called since."""
        return self._pipe is not None

    def close(self) -> None:
        """End the stream."""
        if self._pipe is not None and self._card is not None:
            self._pipe.close()
            self._rig.opened.discard(self._card.serial)
        self._pipe = None

    def get_camera_information(self, resizer: Resolution | None = None) -> CameraInformation:
        """Calibration for the size `resizer`, or for that of the stream."""
        card, (width, height) = self._opened(), self._size
        wanted = (width, height) if resizer is None or not resizer.area() else (resizer.width, resizer.height)
        focal = height / 2 / np.tan(np.radians(card.fovy) / 2)
        lens = CameraParameters(
            float(focal * wanted[0] / width), float(focal * wanted[1] / height), (wanted[0] - 1) / 2, (wanted[1] - 1) / 2
        )
        configuration = CameraConfiguration(Resolution(*wanted), float(self._fps), CalibrationParameters(lens))
        return CameraInformation(card.serial, MODELS[card.model], configuration)

    # --- frames ---

    def grab(self, py_runtime: RuntimeParameters | None = None) -> ERROR_CODE:
        """Wait for the next frame."""
        if py_runtime is not None:
            _checked(py_runtime, RuntimeParameters)
        if not self.is_opened():
            return ERROR_CODE.CAMERA_NOT_INITIALIZED
        ring, number = self._rig.ring, self._number
        last_tick, heard = ring.tick, time.monotonic()
        while True:
            if ring.header["unplugged"][number] != self._plugged:
                time.sleep(1 / self._fps)
                return ERROR_CODE.CAMERA_NOT_DETECTED
            if self._take_frame():
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
        if not self.is_opened():
            return ERROR_CODE.CAMERA_NOT_INITIALIZED
        if self._state is None:
            return ERROR_CODE.FAILURE
        size = self._size
        if resolution is not None and _checked(resolution, Resolution).area():
            size = (resolution.width, resolution.height)
        if size[0] > self._size[0] or size[1] > self._size[1]:
            return ERROR_CODE.INVALID_RESOLUTION
        if self._frame is None or self._frame.shape[:2] != (size[1], size[0]):
            self._frame = self._drawn(*size)
        bgra = np.dstack([self._frame[..., ::-1], np.full(self._frame.shape[:2], 255, np.uint8)])
        py_mat._fill(bgra[::-1, ::-1] if self._init.camera_image_flip is FLIP_MODE.ON else bgra)
        return ERROR_CODE.SUCCESS

    def get_timestamp(self, time_reference: TIME_REFERENCE) -> Timestamp:
        """Of the frame that was grabbed last, or of now; Unix time."""
        now = _checked(time_reference, TIME_REFERENCE) is TIME_REFERENCE.CURRENT
        return Timestamp(time.time_ns() if now else self._stamp_ns if self.is_opened() else 0)

    def get_frame_dropped_count(self) -> int:
        """Frames that were never grabbed, because a newer one was there."""
        return self._dropped

    def get_current_fps(self) -> float:
        """Of the stream."""
        return float(self._fps)

    # --- inside ---

    @property
    def _number(self) -> int:
        return CAMERAS.index(self._opened().name)

    def _opened(self) -> CameraCard:
        if self._card is None:
            raise RuntimeError("the camera was never opened: sl.Camera.open")
        return self._card

    def _take_frame(self) -> bool:
        """Whether a new frame has come; if so, `_state` is what it shows."""
        ring = self._rig.ring
        newest = ring.tick
        if newest < 0:
            return False
        header = ring.header
        late = int(header["late"][self._number])
        if header["held"] and ring.row(newest)["robot_mode"] == wire.MODE_MOVE:
            gate = int(header["gate"])
            if not header["at_gate"] or gate == self._gate:
                return False
            self._gate, shown = gate, newest - self._rig.delay_ms
            time.sleep(late * 1e-3)
        else:
            index = (newest - self._rig.delay_ms - late) * self._fps // 1000
            if index <= self._index:
                return False
            if self._index >= 0:
                self._dropped += index - self._index - 1
            self._index, shown = index, -(-index * 1000 // self._fps)
        if header["frozen"][self._number] and self._state is not None:
            return True  # the same frame again
        try:
            state, there = ring.read(max(shown, 0)), ring.read(shown + self._rig.delay_ms)
        except LookupError:
            return False
        self._state, self._stamp_ns, self._frame = state, there.stamp_ns, None
        return True

    def _drawn(self, width: int, height: int) -> NDArray[np.uint8]:
        """(height, width, 3) uint8 RGB of what the frame shows, squeezed if it is not as wide as the stream's."""
        name = CAMERAS[int(self._rig.ring.header["view"][self._number])]
        true_width = round(height * self._size[0] / self._size[1])
        drawn = width if abs(width - true_width) <= 1 else true_width
        picture = self._ask(name, drawn, height)
        columns = ((np.arange(width) + 0.5) * drawn / width).astype(int)
        return picture[:, columns]

    def _ask(self, name: str, width: int, height: int) -> NDArray[np.uint8]:
        assert self._pipe is not None
        assert self._state is not None
        while True:
            self._pipe.send(Shot(name, width, height, self._state.episode, self._state.full_state))
            answer = self._pipe.recv()
            if isinstance(answer, OldShotError):
                self._state = self._rig.ring.read()
            elif isinstance(answer, Exception):
                raise answer
            else:
                return answer


def _checked(value: Any, kind: type) -> Any:
    """The value, if it is of that class; Cython's error otherwise."""
    if not isinstance(value, kind):
        raise TypeError(f"Argument has incorrect type (expected pyzed.sl.{kind.__name__}, got {type(value).__name__})")
    return value

"""The parameter classes of `pyzed.sl` that a bridge needs, as strict as the real ones.

Names, defaults and type checks: Stereolabs' zed-python-api (MIT), pyzed/sl.pyx of SDK 5.4. An attribute that does not exist, or a
value of the wrong type, is an error here as in Cython's classes; what the SDK has and this module has not is an error, too.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sim2real.twin.zed_enums import CAMERA_STATE, DEPTH_MODE, FLIP_MODE, MEM, MODEL, RESOLUTION

Fields = dict[str, tuple[type | tuple[type, ...], Any]]


class Struct:
    """A Cython-like class: `_fields` are its attributes with their types and defaults, and nothing else can be set."""

    _fields: ClassVar[Fields] = {}

    def __init__(self, *args: Any, **kwargs: Any):
        name = type(self).__name__
        if len(args) > len(self._fields):
            raise TypeError(f"{name}() takes at most {len(self._fields)} positional arguments ({len(args)} given)")
        given = dict(zip(self._fields, args, strict=False))
        for key, value in kwargs.items():
            if key not in self._fields or key in given:
                raise TypeError(f"{name}() got an unexpected keyword argument '{key}'")
            given[key] = value
        for key, (_, default) in self._fields.items():
            setattr(self, key, given.get(key, default))

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._fields:
            raise AttributeError(f"'pyzed.sl.{type(self).__name__}' object has no attribute '{name}'")
        types = self._fields[name][0]
        if not isinstance(value, types):
            wanted = " or ".join(t.__name__ for t in (types if isinstance(types, tuple) else (types,)))
            raise TypeError(f"Argument is not of {wanted} type: {type(self).__name__}.{name} = {value!r}")
        object.__setattr__(self, name, value)


class Resolution(Struct):
    """Pixels."""

    _fields: ClassVar[Fields] = {"width": (int, 0), "height": (int, 0)}
    width: int
    height: int

    def area(self) -> int:
        """width x height."""
        return self.width * self.height

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Resolution) and (self.width, self.height) == (other.width, other.height)

    __hash__ = None  # type: ignore[assignment]


class InitParameters(Struct):
    """How to open a camera."""

    _fields: ClassVar[Fields] = {
        "camera_resolution": (RESOLUTION, RESOLUTION.AUTO),
        "camera_fps": (int, 0),
        "depth_mode": (DEPTH_MODE, DEPTH_MODE.NEURAL),
        "sdk_verbose": (int, 1),
        "camera_image_flip": (FLIP_MODE, FLIP_MODE.OFF),
        "camera_disable_self_calib": (bool, False),
        "sensors_required": (bool, False),
        "enable_image_enhancement": (bool, True),
        "open_timeout_sec": (float, 5.0),
        "async_grab_camera_recovery": (bool, False),
        "_serial": (int, 0),
    }
    camera_resolution: RESOLUTION
    camera_fps: int
    depth_mode: DEPTH_MODE
    camera_image_flip: FLIP_MODE
    _serial: int

    def set_from_serial_number(self, serial_number: int | str) -> None:
        """Which camera; any, if this is not called."""
        self._serial = int(serial_number)


class RuntimeParameters(Struct):
    """How to grab."""

    _fields: ClassVar[Fields] = {"enable_depth": (bool, True), "enable_fill_mode": (bool, False), "confidence_threshold": (int, 95)}


class DeviceProperties(Struct):
    """A camera that is plugged in."""

    _fields: ClassVar[Fields] = {
        "camera_state": (CAMERA_STATE, CAMERA_STATE.NOT_AVAILABLE),
        "id": (int, -1),
        "path": (str, ""),
        "camera_model": (MODEL, MODEL.ZED),
        "serial_number": (int, 0),
    }
    camera_state: CAMERA_STATE
    camera_model: MODEL
    serial_number: int


class Timestamp(Struct):
    """Of Unix time."""

    _fields: ClassVar[Fields] = {"data_ns": (int, 0)}
    data_ns: int

    def get_nanoseconds(self) -> int:
        """ns since 1970."""
        return self.data_ns

    def get_microseconds(self) -> int:
        """us since 1970."""
        return self.data_ns // 1_000

    def get_milliseconds(self) -> int:
        """ms since 1970."""
        return self.data_ns // 1_000_000

    def get_seconds(self) -> int:
        """s since 1970."""
        return self.data_ns // 1_000_000_000


class Mat:
    """A picture in memory that `retrieve_image` fills anew each time: what `get_data` gave before then changes, too."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data: NDArray[np.uint8] = np.zeros((0, 0, 4), np.uint8)

    def get_width(self) -> int:
        """Pixels."""
        return self._data.shape[1]

    def get_height(self) -> int:
        """Pixels."""
        return self._data.shape[0]

    def get_channels(self) -> int:
        """4."""
        return self._data.shape[2]

    def get_data(self, memory_type: MEM = MEM.CPU, deep_copy: bool = False) -> NDArray[np.uint8]:
        """(height, width, 4) uint8 BGRA; a view of this memory unless `deep_copy`."""
        if not isinstance(memory_type, MEM):
            raise TypeError("Argument is not of MEM type.")
        if memory_type is not MEM.CPU:
            raise ValueError("Provided MEM type doesn't match Mat's memory_type.")
        return self._data.copy() if deep_copy else self._data

    def _fill(self, bgra: NDArray[np.uint8]) -> None:
        if self._data.shape != bgra.shape:
            self._data = np.empty(bgra.shape, np.uint8)
        self._data[:] = bgra

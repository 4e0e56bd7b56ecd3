"""The enumerations of `pyzed.sl` that a bridge needs, with the SDK's numbers (see `zed_types` for the source)."""

from __future__ import annotations

import enum
from typing import Any


class _Ordered(enum.Enum):
    def __lt__(self, other: Any) -> bool:
        return self.value < other.value if isinstance(other, type(self)) else NotImplemented

    def __le__(self, other: Any) -> bool:
        return self.value <= other.value if isinstance(other, type(self)) else NotImplemented

    def __gt__(self, other: Any) -> bool:
        return self.value > other.value if isinstance(other, type(self)) else NotImplemented

    def __ge__(self, other: Any) -> bool:
        return self.value >= other.value if isinstance(other, type(self)) else NotImplemented

    def __str__(self) -> str:
        return self.name.replace("_", " ")


class ERROR_CODE(_Ordered):
    """Warnings are below SUCCESS, failures above."""

    CORRUPTED_FRAME = -2
    CAMERA_REBOOTING = -1
    SUCCESS = 0
    FAILURE = 1
    CAMERA_NOT_DETECTED = 4
    INVALID_RESOLUTION = 7
    INVALID_FUNCTION_PARAMETERS = 16
    CAMERA_NOT_INITIALIZED = 18
    INVALID_FUNCTION_CALL = 20
    CANNOT_START_CAMERA_STREAM = 27


class RESOLUTION(_Ordered):
    """Of USB cameras; AUTO is HD720."""

    HD2K = 2
    HD1080 = 3
    HD720 = 6
    VGA = 8
    AUTO = 11


class DEPTH_MODE(_Ordered):
    """The twin gives no depth."""

    NONE = 0
    PERFORMANCE = 1
    QUALITY = 2
    ULTRA = 3
    NEURAL_LIGHT = 4
    NEURAL = 5
    NEURAL_PLUS = 6


class FLIP_MODE(_Ordered):
    """ON: the camera hangs upside down."""

    OFF = 0
    ON = 1
    AUTO = 2


class VIEW(_Ordered):
    """The twin has left lenses only."""

    LEFT = 0
    RIGHT = 1
    LEFT_UNRECTIFIED = 4
    RIGHT_UNRECTIFIED = 5
    SIDE_BY_SIDE = 8


class MEM(enum.Enum):
    """The twin's pictures are in the processor's memory."""

    CPU = 1
    GPU = 2
    BOTH = 3


class TIME_REFERENCE(_Ordered):
    """Of a time stamp."""

    IMAGE = 0
    CURRENT = 1


class MODEL(_Ordered):
    """Of a camera."""

    ZED = 0
    ZED_M = 1
    ZED2 = 2
    ZED2i = 3


class CAMERA_STATE(_Ordered):
    """Whether it can be opened."""

    AVAILABLE = 0
    NOT_AVAILABLE = 1

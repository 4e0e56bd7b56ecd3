"""What can be made to go wrong with a twin, one small class a fault; `Twin.inject` takes them, `Twin.heal` ends those that last."""

from __future__ import annotations

from dataclasses import dataclass

from envs.types import CAMERAS
from sim2real.twin.wire import ERRORS


@dataclass(frozen=True)
class Reflex:
    """The arm stops itself with these errors, as after a collision; until it is told to recover it takes no motion."""

    errors: tuple[str, ...] = ("cartesian_reflex",)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.errors) - set(ERRORS))
        if unknown:
            raise ValueError(f"unknown error {unknown[0]!r}; expected one of {', '.join(ERRORS)}")


@dataclass(frozen=True)
class UserStop:
    """Somebody presses the stop button (or, `pressed=False`, pulls it out again)."""

    pressed: bool = True


@dataclass(frozen=True)
class DropCommands:
    """The next `count` command packets are lost on their way; from the 20th in a row the arm stops itself."""

    count: int = 1


@dataclass(frozen=True)
class LateCommands:
    """For the next `count` ms the commands arrive `ticks` ms late; until the first arrives they count as lost."""

    ticks: int = 2
    count: int = 100


@dataclass(frozen=True)
class DropStates:
    """The next `count` state packets are lost on their way."""

    count: int = 1


@dataclass(frozen=True)
class Silence:
    """The controller sends nothing for so long; libfranka gives up after 1 s."""

    seconds: float = 1.5


@dataclass(frozen=True)
class ConnectionLost:
    """The controller's connections break; a new one is accepted at once."""


@dataclass(frozen=True)
class GripperCrcErrors:
    """The checksum of the gripper's next `count` answers is wrong."""

    count: int = 1


@dataclass(frozen=True)
class GripperSilent:
    """The gripper does not answer the next `count` requests (None: until healed)."""

    count: int | None = None


@dataclass(frozen=True)
class _CameraFault:
    camera: str

    def __post_init__(self) -> None:
        _check_camera(self.camera)


@dataclass(frozen=True)
class CameraUnplugged(_CameraFault):
    """The camera is gone; after it is back it must be opened anew."""


@dataclass(frozen=True)
class CameraFrozen(_CameraFault):
    """The camera goes on giving the frame of this moment, with the time stamp of this moment."""


@dataclass(frozen=True)
class CameraLate(_CameraFault):
    """Frames wait for so long before `grab` gets them; their time stamps tell (up to 0.4 s)."""

    seconds: float = 0.2


@dataclass(frozen=True)
class CamerasSwapped:
    """Each of the two serial numbers delivers the other's view, as after a mix-up of the cables' labels."""

    first: str = "left"
    second: str = "right"

    def __post_init__(self) -> None:
        for camera in (self.first, self.second):
            _check_camera(camera)


def _check_camera(name: str) -> None:
    if name not in CAMERAS:
        raise ValueError(f"unknown camera {name!r}; expected one of {', '.join(CAMERAS)}")


ArmFault = Reflex | UserStop | DropCommands | LateCommands | DropStates | Silence | ConnectionLost
GripperFault = GripperCrcErrors | GripperSilent
CameraFault = CameraUnplugged | CameraFrozen | CameraLate | CamerasSwapped
Fault = ArmFault | GripperFault | CameraFault

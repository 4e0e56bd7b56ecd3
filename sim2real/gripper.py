"""The gripper: told how far to close, it tells how far it is; a Robotiq 2F-85 over Modbus through pyRobotiqGripper."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sim2real.outcomes import GripperError

T = TypeVar("T")

# Counts of a 2F-85: open 3 and closed 230 are as far as its fingers go (its manual, section 4, gPO).
OPEN_COUNT, CLOSED_COUNT = 3, 230
SPEED, FORCE = 255, 255  # of 255: 150 mm/s and 235 N, as strong as the simulation's
OPEN_ENOUGH = 0.05  # share of the stroke
OPENING_S = 2.0


class Gripper(Protocol):
    """A gripper that is connected and activated when it is made. All methods but `close` raise `GripperError`."""

    def go_to(self, closed: float) -> float:
        """Start towards `closed`, 0 open - 1 closed, and tell where it is now, on the same scale."""
        ...

    def recover(self) -> None:
        """After a fault: connect and activate anew."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


class RobotiqGripper:
    """A Robotiq 2F-85 on a serial port, such as `/dev/ttyUSB0`.

    Activation, which opens and closes the fingers once, happens only where the gripper is not active yet.
    """

    def __init__(self, port: str):
        self.port = port
        self._driver: Any = None
        self.recover()

    def go_to(self, closed: float) -> float:
        """One Modbus transaction: target out, position back."""
        count = round(OPEN_COUNT + (CLOSED_COUNT - OPEN_COUNT) * closed)
        _told(lambda: self._driver.move(count, SPEED, FORCE, wait=False, readStatus=True), self.port)
        return closed_share(_told(lambda: self._driver.position(refreshStatus=False), self.port))

    def recover(self) -> None:
        """Connect, and activate where it is not active."""
        from pyrobotiqgripper import RobotiqGripper as Driver  # brings pandas

        self.close()
        self._driver = _told(lambda: Driver(com_port=self.port), self.port)
        _told(self._driver.connect, self.port)
        _told(lambda: self._driver.activate(reset=False), self.port)

    def close(self) -> None:
        """End the connection; the fingers stay as they are."""
        if self._driver is not None:
            self._driver.disconnect()
            self._driver = None


def closed_share(count: int) -> float:
    """0 open - 1 closed of a position in counts."""
    return min(max((count - OPEN_COUNT) / (CLOSED_COUNT - OPEN_COUNT), 0.0), 1.0)


def _told(ask: Callable[[], T], port: str) -> T:
    """What the driver answers; its many kinds of exception (pymodbus', its own, AttributeErrors where no answer came) as one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ask()
    except Exception as error:
        raise GripperError(f"the gripper on {port} does not answer as it should ({type(error).__name__}: {error})") from error

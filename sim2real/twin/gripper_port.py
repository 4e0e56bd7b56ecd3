"""The gripper's serial line: a pseudo-terminal at whose end the gripper answers Modbus RTU as slave 9."""

from __future__ import annotations

import os
import pty
import tty
from collections import deque

from sim2real.twin import modbus
from sim2real.twin.faults import GripperCrcErrors, GripperFault, GripperSilent
from sim2real.twin.gripper import Gripper

SLAVE = 9
BAUD_BYTES_S = 11520  # 115200 baud, 8N1
THINKING_S = 0.0005


class GripperPort:
    """`path` is what a driver opens. Answers come after as long as their bytes and the request's take on a real line."""

    def __init__(self, gripper: Gripper):
        self.gripper = gripper
        self._fd, self._driver_end = pty.openpty()  # the other end stays open, so that reading never fails
        for fd in (self._fd, self._driver_end):
            tty.setraw(fd)
        os.set_blocking(self._fd, False)
        self.path = os.ttyname(self._driver_end)
        self.requests = 0
        self._buffer = b""
        self._outgoing: deque[tuple[float, bytes]] = deque()
        self.heal()

    def fileno(self) -> int:
        """To select on."""
        return self._fd

    def heal(self) -> None:
        """No fault any more."""
        self._bad_crc, self._silent = 0, 0

    def inject(self, fault: GripperFault) -> None:
        """From now on this goes wrong."""
        if isinstance(fault, GripperCrcErrors):
            self._bad_crc = fault.count
        elif isinstance(fault, GripperSilent):
            self._silent = -1 if fault.count is None else fault.count

    def receive(self, now: float) -> None:
        """Take what has come, and answer it later."""
        requests, self._buffer = modbus.split(self._buffer + os.read(self._fd, 1024))
        for request in requests:
            if request.slave != SLAVE:
                continue
            self.requests += 1
            reply = modbus.answer(request, self.gripper.read, self.gripper.write)
            if self._silent:
                self._silent -= self._silent > 0
                continue
            if self._bad_crc:
                self._bad_crc -= 1
                reply = reply[:-2] + bytes(b ^ 0xFF for b in reply[-2:])
            took = (len(request.body) + 4 + len(reply)) / BAUD_BYTES_S + THINKING_S
            self._outgoing.append((now + took, reply))

    def send_due(self, now: float) -> None:
        """Send the answers whose time has come."""
        while self._outgoing and self._outgoing[0][0] <= now:
            os.write(self._fd, self._outgoing.popleft()[1])

    def close(self) -> None:
        """The line is gone."""
        os.close(self._fd)
        os.close(self._driver_end)

"""What a person's hand says, 15 times a second: keys in a terminal, a SpaceMouse, or a file of recorded actions."""

from __future__ import annotations

import os
import select
import struct
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from experiments.errors import UsageError
from sim2real.motion_log import MotionLog

STEP, TURN = 0.012, 0.05  # m and rad per control step: 0.18 m/s, 0.75 rad/s
KEY_HOLDS_S = 0.12  # a terminal repeats a held key about every 33 ms, the first time after longer


@dataclass(frozen=True)
class Nudge:
    """What is wanted of the next control step. `move` (3,) m and `turn` (3,) rad, base frame; `grip`: close (True) or open, None: as it is.

    `end`: stop here; `keep`: what was recorded is worth keeping.
    """

    move: NDArray[np.float64]
    turn: NDArray[np.float64]
    grip: bool | None = None
    end: bool = False
    keep: bool = True



class Source(Protocol):
    """Nudges, one a control step."""

    def next(self) -> Nudge: ...

    def close(self) -> None: ...


# key: (move, turn) in units of a step
KEYS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "w": ((1, 0, 0), (0, 0, 0)), "s": ((-1, 0, 0), (0, 0, 0)), "a": ((0, 1, 0), (0, 0, 0)), "d": ((0, -1, 0), (0, 0, 0)),
    "r": ((0, 0, 1), (0, 0, 0)), "f": ((0, 0, -1), (0, 0, 0)), "q": ((0, 0, 0), (0, 0, 1)), "e": ((0, 0, 0), (0, 0, -1)),
    "i": ((0, 0, 0), (0, 1, 0)), "k": ((0, 0, 0), (0, -1, 0)), "j": ((0, 0, 0), (-1, 0, 0)), "l": ((0, 0, 0), (1, 0, 0)),
}  # fmt: skip
KEY_HELP = "w/s forward/back  a/d left/right  r/f up/down  q/e i/k j/l turn  space open/close  Enter keep and end  Backspace drop and end"


class Keyboard:
    """Keys typed into a terminal, in raw mode while it is open."""

    def __init__(self, terminal: int | None = None):
        self._fd = sys.stdin.fileno() if terminal is None else terminal
        if not os.isatty(self._fd):
            raise UsageError("source=keyboard needs a terminal to type in; here standard input is none. Use source=FILE or source=spacemouse")
        self._before = termios.tcgetattr(self._fd)
        tty.setcbreak(self._fd)
        self._last: dict[str, float] = {}
        self._closed = False

    def next(self) -> Nudge:
        """What the keys say that are down now."""
        now = time.monotonic()
        end, keep, grip = False, True, None
        while select.select([self._fd], [], [], 0)[0]:
            for key in os.read(self._fd, 64).decode(errors="ignore"):
                if key in KEYS:
                    self._last[key] = now
                elif key == " ":
                    self._closed = not self._closed
                    grip = self._closed
                elif key in "\r\n":
                    end = True
                elif key in "\x7f\x08":
                    end, keep = True, False
        down = [np.array(KEYS[key], float) for key, at in self._last.items() if now - at < KEY_HOLDS_S]
        move, turn = np.sum(down, 0) if down else np.zeros((2, 3))
        return Nudge(move * STEP, turn * TURN, grip, end, keep)

    def close(self) -> None:
        """The terminal as it was."""
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)


FULL = 350.0  # counts of a 3Dconnexion SpaceMouse pushed all the way
DEAD = 0.08  # share below which the cap counts as let go


class SpaceMouse:
    """A 3Dconnexion SpaceMouse through Linux's hidraw: six axes, left button grips, right button ends and keeps.

    Reports: 1 = translation (and rotation in newer ones) as little-endian int16, 2 = rotation, 3 = buttons.
    """

    def __init__(self, path: str | None = None):
        path = path or find_spacemouse()
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except PermissionError as error:
            raise UsageError(f"{path} may not be read: add a udev rule for it (sim2real/README.md, Wiring), or run `chmod a+r {path}`") from error
        self._axes, self._buttons, self._closed = np.zeros(6), 0, False

    def next(self) -> Nudge:
        """Where the cap is now."""
        grip, end = None, False
        for report in _reports(self._fd):
            pressed = self._take(report)
            if pressed & 1:
                self._closed = not self._closed
                grip = self._closed
            end |= bool(pressed & 2)
        x, y, z, roll, pitch, yaw = np.where(np.abs(self._axes) < DEAD, 0.0, self._axes)
        # The device's x is right, y towards the user, z down; the base's x is forward, y left, z up.
        return Nudge(np.array([-y, -x, -z]) * STEP, np.array([-pitch, -roll, -yaw]) * TURN, grip, end=end)

    def _take(self, report: bytes) -> int:
        """Take a report in; which buttons were newly pressed by it."""
        kind, values = report[0], report[1:]
        if kind == 1 and len(values) >= 12:
            self._axes = np.clip(np.array(struct.unpack_from("<6h", values)) / FULL, -1, 1)
        elif kind in (1, 2) and len(values) >= 6:
            self._axes[(kind - 1) * 3 : kind * 3] = np.clip(np.array(struct.unpack_from("<3h", values)) / FULL, -1, 1)
        elif kind == 3 and values:
            new, self._buttons = values[0] & ~self._buttons, values[0]
            return new
        return 0

    def close(self) -> None:
        """Let go of the device."""
        os.close(self._fd)


def find_spacemouse(root: Path = Path("/sys/class/hidraw")) -> str:
    """The device of the first 3Dconnexion mouse.

    Raises:
        UsageError: there is none.
    """
    for entry in sorted(root.glob("hidraw*")):
        told = (entry / "device/uevent").read_text() if (entry / "device/uevent").exists() else ""
        if "3dconnexion" in told.lower() or "000046D:0000C6" in told or "0000256F" in told:
            return f"/dev/{entry.name}"
    raise UsageError("no SpaceMouse is plugged in (none of /sys/class/hidraw is 3Dconnexion's); use source=keyboard")


def _reports(fd: int) -> Iterator[bytes]:
    while True:
        try:
            report = os.read(fd, 64)
        except BlockingIOError:
            return
        if not report:
            return
        yield report


def file_actions(path: Path) -> NDArray[np.float32]:
    """(n, 10) actions of a motion log (.parquet), a trial's tape (.npz) or an array (.npy).

    Raises:
        UsageError: there is no such file, or it holds no actions.
    """
    readers: dict[str, Callable[[Path], NDArray]] = {
        ".parquet": lambda p: (asked := MotionLog.load(p).asked)[np.isfinite(asked).all(1)],
        ".npz": lambda p: np.load(p)["actions"],
        ".npy": np.load,
    }
    if path.suffix not in readers or not path.exists():
        raise UsageError(f"source={path}: {'no such file' if path.suffix in readers else 'expected keyboard, spacemouse, or a file .parquet, .npz, .npy of actions'}")
    try:
        actions = np.asarray(readers[path.suffix](path), np.float32)
    except (KeyError, ValueError) as error:
        raise UsageError(f"{path} holds no actions: {error}") from error
    if actions.ndim != 2 or actions.shape[1] != 10:
        raise UsageError(f"{path} holds an array of shape {actions.shape}, expected (n, 10) actions")
    return actions


def is_device(source: str) -> bool:
    """Whether a person's hand, not a file, is meant."""
    return source in ("keyboard", "spacemouse")


def open_source(source: str) -> Source:
    """The device of that name."""
    return Keyboard() if source == "keyboard" else SpaceMouse()



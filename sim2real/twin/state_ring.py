"""The twin's last half second, shared between its processes: the full state of every millisecond, and what is wrong with the cameras.

One process writes, the others read without locks: a reader copies a row and then checks that it still is the row of that tick.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.types import CAMERAS

ROWS = 512
CAPACITY = 4096  # numbers in a full state; the largest task has 1814
MAX_STEPS = 16  # of a task

_HEADER = np.dtype([
    ("tick", "<i8"), ("episode", "<i8"), ("held", "<i8"), ("gate", "<i8"), ("at_gate", "<i8"), ("ended", "<i8"),
    ("unplugged", "<i8", (len(CAMERAS),)),  # how often it has been; odd: it is
    ("frozen", "<i8", (len(CAMERAS),)),
    ("late", "<i8", (len(CAMERAS),)),  # ms
    ("view", "<i8", (len(CAMERAS),)),  # index of the camera whose picture it gives
])  # fmt: skip
_ROW = np.dtype([
    ("tick", "<i8"), ("stamp_ns", "<i8"), ("episode", "<i8"), ("control_steps", "<i8"), ("steps_done", "<i8"), ("robot_mode", "<i8"),
    ("commands", "<i8"), ("lost", "<i8"), ("late_ticks", "<i8"), ("gripper_closed", "<f8"), ("size", "<i8"),
    ("step_done_s", "<f8", (MAX_STEPS,)), ("state", "<f8", (CAPACITY,)),
])  # fmt: skip


@dataclass(frozen=True)
class TwinState:
    """Privileged: the scene at one millisecond.

    `tick`: ms since the twin was made. `stamp_ns`: host time then. `episode` counts resets. `full_state`: what `SimEnv.set_full_state` takes.
    `commands`, `lost`: command packets that the arm acted on, and that it waited for in vain, since the twin was made.
    `late_ticks`: milliseconds that the twin itself did not keep, in real time.
    """

    tick: int
    stamp_ns: int
    episode: int
    joint_pos: NDArray[np.float64]
    gripper_closed: float
    robot_mode: int
    control_steps: int
    steps_done: int
    step_done_s: tuple[float, ...]
    commands: int
    lost: int
    late_ticks: int
    full_state: NDArray[np.float64] = field(repr=False)


class StateRing:
    """`header` and `rows` are views of one file."""

    def __init__(self, path: Path, create: bool = False):
        if create:
            path.write_bytes(b"")
            with path.open("r+b") as file:
                file.truncate(_HEADER.itemsize + ROWS * _ROW.itemsize)
        memory = np.asarray(np.memmap(path, np.uint8, "r+"))  # the array alone: a memmap looks after itself at every access
        self.header = memory[: _HEADER.itemsize].view(_HEADER)[0]
        self.rows = memory[_HEADER.itemsize :].view(_ROW)
        if create:
            self.rows["tick"] = -1
            self.header["tick"] = -1
            self.heal()

    def heal(self) -> None:
        """The cameras are all right again."""
        self.header["frozen"] = self.header["late"] = 0
        self.header["view"] = range(len(CAMERAS))
        unplugged = self.header["unplugged"]
        unplugged += unplugged % 2

    @property
    def tick(self) -> int:
        """The newest."""
        return int(self.header["tick"])

    def row(self, tick: int) -> np.void:
        """Where the state of a tick is written."""
        return self.rows[tick % ROWS]

    def publish(self, tick: int) -> None:
        """The row of this tick is complete; the writer has set all of it but its tick."""
        self.rows["tick"][tick % ROWS] = tick
        self.header["tick"] = tick

    def read(self, tick: int | None = None) -> TwinState:
        """The state of a tick, or the newest.

        Raises:
            LookupError: it has been overwritten, or has not come yet.
        """
        wanted = self.tick if tick is None else tick
        row = self.rows[wanted % ROWS].copy()
        if row["tick"] != wanted or self.rows["tick"][wanted % ROWS] != wanted:
            raise LookupError(f"the state of tick {wanted} is not kept; the newest is {self.tick}, the last {ROWS} are")
        state = row["state"][: int(row["size"])].copy()
        done = int(row["steps_done"])
        return TwinState(
            wanted, int(row["stamp_ns"]), int(row["episode"]), state[-7:].copy(), float(row["gripper_closed"]), int(row["robot_mode"]),
            int(row["control_steps"]), done, tuple(row["step_done_s"][:done].tolist()),
            int(row["commands"]), int(row["lost"]), int(row["late_ticks"]), state,
        )  # fmt: skip

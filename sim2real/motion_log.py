"""What an arm was told and what it did, one row per control step: the log of FrankaEnv, and what identification fits."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from envs.types import ACTION_DIM, CAMERAS

Array = NDArray[np.floating]


@dataclass(frozen=True)
class MotionRow:
    """One control step, from its start to its end.

    `time_s`: when the target was sent, s of the trial's clock; `seen_s`: when the arm was read, at the step's end.
    `asked`, `clamped`, `sent`: (10,) the action as it came, within the limits, as the arm was told (NaN in a step that only
    held). `command`: (7,) rad, the joint target in force. `joint_pos`, `joint_vel`, `torque_ext`: (7,) rad, rad/s, Nm, as read.
    `gripper_asked`, `gripper_closed`: 0 open - 1 closed. `captured_s`: (3,) Unix time of the newest left, right, wrist picture.
    `why`: the limits that changed the action, or what the arm was held for; empty where neither.
    """

    time_s: float
    seen_s: float
    asked: Array
    clamped: Array
    sent: Array
    command: Array
    joint_pos: Array
    joint_vel: Array
    torque_ext: Array
    gripper_asked: float
    gripper_closed: float
    captured_s: Array
    why: str = ""


_WIDTH = {
    "asked": ACTION_DIM, "clamped": ACTION_DIM, "sent": ACTION_DIM, "command": 7, "joint_pos": 7, "joint_vel": 7, "torque_ext": 7,
    "captured_s": len(CAMERAS),
}  # fmt: skip
NAMES = tuple(f.name for f in fields(MotionRow))


@dataclass(frozen=True)
class MotionLog:
    """All rows of one trial, column by column: (n,) float64, (n, k) float64, or n strings (`why`)."""

    time_s: Array
    seen_s: Array
    asked: Array
    clamped: Array
    sent: Array
    command: Array
    joint_pos: Array
    joint_vel: Array
    torque_ext: Array
    gripper_asked: Array
    gripper_closed: Array
    captured_s: Array
    why: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.time_s)

    @classmethod
    def of(cls, rows: list[MotionRow]) -> MotionLog:
        """The log of these rows."""
        columns = {name: _column(name, [getattr(row, name) for row in rows]) for name in NAMES if name != "why"}
        return cls(**columns, why=tuple(row.why for row in rows))

    def save(self, path: Path) -> None:
        """Write a parquet file, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {name: pa.array(list(getattr(self, name)), _type(name)) for name in NAMES}
        temporary = path.with_suffix(".tmp")
        pq.write_table(pa.table(arrays), temporary)
        os.replace(temporary, path)

    @classmethod
    def load(cls, path: Path) -> MotionLog:
        """Read what `save` wrote.

        Raises:
            ValueError: the file lacks a column.
        """
        table = pq.read_table(path)
        missing = sorted(set(NAMES) - set(table.column_names))
        if missing:
            raise ValueError(f"{path} is no motion log: it has no column {missing[0]!r}")
        columns = {name: table.column(name).to_pylist() for name in NAMES}
        return cls(**{name: _column(name, columns[name]) for name in NAMES if name != "why"}, why=tuple(columns["why"]))


def _column(name: str, values: list) -> Array:
    width = _WIDTH.get(name)
    return np.array(values, np.float64).reshape((len(values), width) if width else (len(values),))


def _type(name: str) -> pa.DataType:
    if name == "why":
        return pa.string()
    return pa.list_(pa.float64(), _WIDTH[name]) if name in _WIDTH else pa.float64()

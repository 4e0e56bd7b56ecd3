"""Motions as identification fits them: what arm and gripper were told and did, sample by sample, as one parquet file.

Any rate will do, and it need not be even. What `FrankaEnv` logs of every trial (`sim2real.motion_log`, a row per control step)
can be read as samples; 100 Hz and more, with the torques, tells friction and armature better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from sim2real.motion_log import MotionLog

JOINTS = 7
SCALARS = ("time", "target_time", "gripper_target", "gripper_closed")
VECTORS = ("joint_target", "joint_pos", "joint_vel", "joint_torque")
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Samples:
    """n samples in order of time.

    `time` (n,) s: when the sample was measured; `target_time` (n,) s, by the same clock: when the targets in force then were
    sent. Without it a target's time would be known to a sample only, and the delay and all forces would be wrong by that.
    `joint_target` (n, 7) rad: the last one sent to the joint controller before `time`, after every clamp. `joint_pos` (n, 7) rad, `joint_vel`
    (n, 7) rad/s. `joint_torque` (n, 7) Nm: what the joint controller commanded, without gravity (libfranka's tau_J_d in
    torque control). `gripper_target`, `gripper_closed` (n,): 0 open - 1 closed, asked and measured. nan: not known.
    `meta`: where it comes from, such as {"robot": "fr3", "backend": "franka"}.
    """

    time: Array
    target_time: Array
    joint_target: Array
    joint_pos: Array
    joint_vel: Array
    joint_torque: Array
    gripper_target: Array
    gripper_closed: Array
    meta: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.time)
        for f in fields(self)[:-1]:
            shape = (n,) if f.name in SCALARS else (n, JOINTS)
            if getattr(self, f.name).shape != shape:
                raise ValueError(f"{f.name} has shape {getattr(self, f.name).shape}, expected {shape}")
        if n < 2 or not (np.diff(self.time) > 0).all():
            raise ValueError(f"time of {n} samples does not rise throughout; expected at least two samples of one clock")
        if not (self.target_time <= self.time).all() or (np.diff(self.target_time) < 0).any():
            raise ValueError("target_time runs backwards or ahead of time; expected when the target in force was sent, by the clock of time")

    def write(self, path: Path) -> None:
        """One parquet file: columns time, target_time, gripper_*, and joint_*_0 ... joint_*_6."""
        columns = {name: getattr(self, name) for name in SCALARS}
        columns |= {f"{name}_{i}": getattr(self, name)[:, i] for name in VECTORS for i in range(JOINTS)}
        table = pa.table(columns).replace_schema_metadata(dict(self.meta))
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)

    @classmethod
    def read(cls, path: Path) -> Samples:
        """The samples of a file; of an environment's log too (OUT/logs/trial_0007.parquet).

        Raises:
            ValueError: the file is neither.
        """
        try:
            table = pq.read_table(path)
            if "seen_s" in table.column_names:
                return of_steps(MotionLog.load(path))
            scalars = {name: table[name].to_numpy() for name in SCALARS}
            vectors = {name: np.stack([table[f"{name}_{i}"].to_numpy() for i in range(JOINTS)], 1) for name in VECTORS}
        except (OSError, KeyError, pa.ArrowInvalid) as error:
            raise ValueError(f"{path} holds no motion samples: {error}") from error
        meta = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
        return cls(**scalars, **vectors, meta=meta)


def of_steps(log: MotionLog) -> Samples:
    """An environment's log as samples of the arm, one at the end of each control step; it does not know torques.

    The gripper is left out: in a trial it grasps things and stops at them, which says nothing of its timing.
    """
    torque, closed = np.full(log.joint_pos.shape, np.nan), np.full(len(log), np.nan)
    return Samples(log.seen_s, log.time_s, log.command, log.joint_pos, log.joint_vel, torque, log.gripper_asked, closed, {"origin": "environment"})


class Sampler:
    """Collects samples and writes the log when it is closed, after an error too; use as a context manager.

    Fewer than two samples leave no file.
    """

    def __init__(self, path: Path, meta: Mapping[str, str] | None = None) -> None:
        self.path, self.meta = path, dict(meta or {})
        self._rows: list[Array] = []

    def sample(
        self, time: float, target_time: float, joint_target: ArrayLike, joint_pos: ArrayLike, joint_vel: ArrayLike, joint_torque: ArrayLike | None = None,
        gripper_target: float = np.nan, gripper_closed: float = np.nan,
    ) -> None:  # fmt: skip
        """One moment, as `Samples` describes it."""
        torque = np.full(JOINTS, np.nan) if joint_torque is None else joint_torque
        row = np.r_[time, target_time, gripper_target, gripper_closed, joint_target, joint_pos, joint_vel, torque].astype(float)
        if row.shape != (len(SCALARS) + len(VECTORS) * JOINTS,):
            raise ValueError(f"a sample has {len(row)} values, expected {len(SCALARS)} and {len(VECTORS)} times {JOINTS}")
        self._rows.append(row)

    def log(self) -> Samples:
        """What was collected so far."""
        rows = np.array(self._rows).reshape(-1, len(SCALARS) + len(VECTORS) * JOINTS)
        scalars = dict(zip(SCALARS, rows[:, : len(SCALARS)].T, strict=True))
        vectors = dict(zip(VECTORS, np.split(rows[:, len(SCALARS) :], len(VECTORS), 1), strict=True))
        return Samples(**scalars, **vectors, meta=self.meta)

    def close(self) -> None:
        """Write the file."""
        if len(self._rows) > 1:
            self.log().write(self.path)

    def __enter__(self) -> Sampler:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

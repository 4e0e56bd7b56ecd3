"""Result rows: one JSON line per trial, on disk the moment the trial ends; a later run goes on from them."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from experiments.errors import UsageError

RESULTS_FILE = "results.jsonl"
# What decides a trial besides its index; rows that differ in one of these must not share a file.
IDENTITY = (
    "env", "split", "seed", "shift", "policy", "checkpoint", "checkpoint_hash", "backend", "clock", "execution", "quality", "motion", "execute",
    "reason_every", "planner", "planner_model", "planner_every", "policy_adapter",
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """One trial. `outcome`: success | failure | timeout | operator_stop | reflex | invalid | error.

    `seconds`: control time of the episode; `wall_s`: time it took; `step_done_s[i]`: control time at which step i+1 was
    done; `reset_hash` and `state_hash`: state after the reset and at the end; `plan`: (s, what the planner said, which
    sub-task that was or None where it was none of them); `states`: the trial's tape; `log`: what a robot was told and did; `operator`, `note`: who judged it, and what they said;
    `failure`: why the first step that is lacking was not done (`failures.kinds.told`); `grasps`: the first closing upon each
    step's object: step, object, cm, held; `push`: how hard the arm was pushed (`pushes.PushRecorder`); `infer_parts_ms`: medians by part of an inference. Error and invalid rows are no trials.
    """

    env: str
    trial: int
    seed: int
    split: str
    shift: str
    policy: str
    outcome: str
    config_hash: str
    error: str | None = None
    instruction: str = ""
    layout: Any = None
    checkpoint: str | None = None
    checkpoint_hash: str | None = None
    backend: str = "mujoco"
    clock: str = "stepped"
    execution: str = "sync"
    reason_every: int = 1
    quality: str = "fast"
    motion: str = "step"
    execute: int | None = None
    planner: str = "none"
    planner_model: str | None = None
    planner_every: int | None = None
    policy_adapter: str | None = None
    steps_done: int = 0
    steps: int = 0
    step_done_s: tuple[float, ...] = ()
    success: bool = False
    progress: float = 0.0
    seconds: float = 0.0
    wall_s: float = 0.0
    inferences: int = 0
    infer_ms_p50: float | None = None
    infer_ms_p95: float | None = None
    infer_parts_ms: Mapping[str, float] = field(default_factory=dict)
    reasoning: tuple[tuple[float, str], ...] = ()
    plan: tuple[tuple[float, str, str | None], ...] = ()
    plan_ms_p50: float | None = None
    plan_ms_p95: float | None = None
    plan_unmatched: int = 0
    reset_hash: str | None = None
    state_hash: str | None = None
    video: str | None = None
    states: str | None = None
    log: str | None = None
    operator: str | None = None
    note: str = ""
    failure: Mapping[str, Any] | None = None
    grasps: tuple[Mapping[str, Any], ...] = ()
    push: Mapping[str, Any] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    gl: str | None = None
    commit: str | None = None
    command: str = ""

    @property
    def counted(self) -> bool:
        """Whether the row is a trial of the policy: a crash or a scene that was not as meant is none."""
        return self.outcome not in ("error", "invalid")


def to_line(result: Result) -> str:
    """The row as one line of JSON, with its newline."""
    return json.dumps(asdict(result), ensure_ascii=False, allow_nan=False) + "\n"


def from_dict(row: Mapping[str, Any]) -> Result:
    """The row of a parsed line; fields of a newer version are left out."""
    known = {f.name for f in fields(Result)}
    values = {k: v for k, v in row.items() if k in known}
    values["step_done_s"] = tuple(values.get("step_done_s", ()))
    values["reasoning"] = tuple((t, text) for t, text in values.get("reasoning", ()))
    values["grasps"] = tuple(values.get("grasps", ()))
    values["plan"] = tuple((t, said, told) for t, said, told in values.get("plan", ()))
    return Result(**values)


def read(path: Path) -> list[Result]:
    """Rows of a file, the last one of each trial, ordered by trial; a last line that was cut off is left out.

    Raises:
        UsageError: a line that is not the last is no row.
    """
    rows: dict[int, Result] = {}
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = from_dict(json.loads(line))
        except (ValueError, TypeError) as error:
            if number == len(lines):  # no newline behind it: the run ended while it was written
                break
            raise UsageError(f"{path}, line {number}: not a result row ({error}); repair or delete that line") from error
        rows[row.trial] = row
    return [rows[k] for k in sorted(rows)]


class ResultsWriter:
    """Appends rows to OUT/results.jsonl; each is flushed and synced before `append` returns.

    `finished`: indices of trials that need not run again. Error rows are tried again.

    Raises:
        UsageError: the file holds results of another configuration, or the disk is full.
    """

    def __init__(self, out: Path, identity: Mapping[str, Any]) -> None:
        self.path = out / RESULTS_FILE
        out.mkdir(parents=True, exist_ok=True)
        rows = read(self.path)
        for row in rows:
            _check_identity(self.path, row, identity)
        self.finished = {row.trial for row in rows if row.counted}
        self.rows = {row.trial: row for row in rows}
        _drop_cut_line(self.path)
        self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def append(self, result: Result) -> None:
        """Write one row to the disk."""
        data = to_line(result).encode()
        try:
            while data:
                data = data[os.write(self._fd, data) :]
            os.fsync(self._fd)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise UsageError(
                    f"disk full while writing {self.path}; the {len(self.finished)} finished trials are kept. "
                    "Free some space and run the same command again: it goes on from there"
                ) from error
            raise
        self.rows[result.trial] = result
        if result.counted:
            self.finished.add(result.trial)

    def close(self) -> None:
        """Release the file."""
        os.close(self._fd)

    def __enter__(self) -> ResultsWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_identity(path: Path, row: Result, identity: Mapping[str, Any]) -> None:
    differ = [f"{k} {getattr(row, k)!r} there, {identity[k]!r} now" for k in IDENTITY if k in identity and getattr(row, k) != identity[k]]
    if differ:
        raise UsageError(f"{path} holds results of another configuration ({'; '.join(differ)}); choose another out= or delete it")


def _drop_cut_line(path: Path) -> None:
    """Cut a last line without newline off, so that the next row starts on a line of its own."""
    data = path.read_bytes() if path.exists() else b""
    if data and not data.endswith(b"\n"):
        keep = data.rfind(b"\n") + 1
        os.truncate(path, keep)

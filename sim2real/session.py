"""A session on a robot: trial after trial with an operator, every row on the disk before the next begins, gone on with later."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from envs.types import Policy, Trial
from experiments.errors import UsageError
from experiments.results import Result, ResultsWriter
from experiments.rollout import Recorder, rollout
from experiments.video import VideoRecorder
from experiments.workers import EnvRun, Event, Teller
from sim2real.franka_env import FrankaEnv
from sim2real.log_recorder import LogRecorder

ATTEMPTS = 3  # at a trial that comes out invalid or as an error, before the session ends
SCORED = ("success", "failure", "timeout", "operator_stop", "reflex")  # an operator judges these


@dataclass(frozen=True)
class Turn:
    """One trial of one policy. `run`: where its row goes and comes from. `hidden`: nothing may tell which policy it is."""

    trial: Trial
    policy: Policy
    run: EnvRun
    writer: ResultsWriter
    hidden: bool = False


def play(env: FrankaEnv, turns: Sequence[Turn], video: str, tell: Callable[[Event], None], record: Path | None = None) -> None:
    """Play the turns; each ends with a row that counts. An invalid trial or an error is a row too, and the trial is repeated.

    Raises:
        UsageError: the same trial failed `ATTEMPTS` times that way.
    """
    for turn in turns:
        for attempt in range(1, ATTEMPTS + 1):
            row = _attempt(env, turn, video, tell, record)
            if not row.counted:
                row = _set_aside(row, turn.run.out, attempt)
            turn.writer.append(row)
            tell(row)
            if row.counted:
                break
        else:
            raise UsageError(f"trial {turn.trial.index} failed {ATTEMPTS} times in a row, last: {row.outcome}: {row.error}. Mend that, then run the same command again")


def _attempt(env: FrankaEnv, turn: Turn, video: str, tell: Callable[[Event], None], record: Path | None) -> Result:
    recorders: list[Recorder] = [LogRecorder(turn.run.out, turn.trial.index)]
    if not turn.hidden:
        recorders.append(Teller(turn.trial, tell))
    if video != "none":
        recorders.append(VideoRecorder(turn.run.out, turn.trial.index, video, told=not turn.hidden))
    if record is not None:
        from sim2real.recording import EpisodeRecorder

        recorders.append(EpisodeRecorder(record, turn.trial))
    try:
        row = rollout(env, turn.policy, turn.trial, recorders, turn.run.provenance, turn.run.planner)
    finally:
        env.stop()
    if turn.hidden:  # how it speaks, how fast and in what portions would tell
        row = dataclasses.replace(row, execute=None, inferences=0, infer_ms_p50=None, infer_ms_p95=None, infer_parts_ms={}, reasoning=())
    row = dataclasses.replace(row, operator=env.operator.name, versions={**row.versions, **env.rig.versions})
    return _scored(env, row) if row.outcome in SCORED and row.steps else row


def _scored(env: FrankaEnv, row: Result) -> Result:
    """The row with what the operator says was achieved; a task is a success only with all of its steps."""
    verdict = env.operator.score(env, row.outcome)
    done = min(max(verdict.steps_done, 0), row.steps)
    success = done == row.steps
    outcome = "success" if success else "failure" if row.outcome == "success" else row.outcome
    times = row.step_done_s[:done]
    return dataclasses.replace(
        row, steps_done=done, success=success, progress=done / row.steps, outcome=outcome, step_done_s=times, note=verdict.note,
        error=None if success else row.error,
    )  # fmt: skip


def _set_aside(row: Result, out: Path, attempt: int) -> Result:
    """What was recorded of a trial that will be repeated keeps names of its own."""
    moved = {}
    for name in ("video", "log"):
        path = getattr(row, name)
        if path is not None:
            there = Path(path)
            number = attempt
            while (out / (aside := str(there.with_stem(f"{there.stem}_{row.outcome}_{number}")))).exists():
                number += 1
            os.replace(out / path, out / aside)
            moved[name] = aside
    return dataclasses.replace(row, **moved)

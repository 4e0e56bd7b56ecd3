"""Everything that can go wrong, once each on the twin, in trials like any others: `python -m sim2real.drill`.

Each fault strikes in the middle of a trial (swapped cameras: before one) of a session that keeps rows and logs. What it must lead to
is decided here beforehand: how the trial is classed, that the arm is still afterwards, that the session goes on to the end with a trial
in which the arm moves, and that the log has every control step that was executed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from envs.types import CONTROL_HZ, HORIZON, Inference, Observation, Trial
from experiments.report_style import md_table
from experiments.results import Result, ResultsWriter
from experiments.rollout import Provenance
from experiments.workers import EnvRun, Event
from policy.baselines import hold_action
from sim2real.arm import Collision
from sim2real.franka_env import FrankaEnv
from sim2real.motion_log import MotionLog
from sim2real.scripted import ScriptedOperator
from sim2real.session import Turn, play
from sim2real.twin import faults
from sim2real.twin.clock import Mode
from sim2real.twin_rig import TwinRig, make_twin_rig

TASK = "sort_toys"
STRIKE_AT = 2  # inference, counted from 0
GIVEN_UP, QUIET = 45, 12  # control steps after which the operator ends a trial: one in which the fault strikes, any other
SWING = 0.03  # m
STILL, STILL_MS = 2e-3, 300  # rad, ms
GOES_ON = ("failure",)  # the trial goes on until the drill's operator gives it up

# The faults, and how the trial must come out. Of gripper answers with a wrong checksum one is asked for again.
EXPECTED: tuple[tuple[faults.Fault, tuple[str, ...]], ...] = (
    (faults.Reflex(), ("reflex",)),
    (faults.UserStop(), ("operator_stop",)),
    (faults.DropCommands(5), GOES_ON),
    (faults.DropCommands(25), ("reflex",)),
    (faults.LateCommands(2, 100), GOES_ON),
    (faults.DropStates(5), GOES_ON),
    (faults.Silence(1.5), ("invalid",)),
    (faults.ConnectionLost(), ("invalid",)),
    (faults.GripperCrcErrors(1), GOES_ON),
    (faults.GripperSilent(), ("invalid",)),
    (faults.CameraUnplugged("left"), ("invalid",)),
    (faults.CameraFrozen("wrist"), ("invalid",)),
    (faults.CameraLate("right", 0.4), ("invalid",)),
    (faults.CamerasSwapped("left", "right"), ("invalid",)),
)
LIVE = (faults.CameraLate,)  # a twin that stands still between control steps waits for a late picture


@dataclass(frozen=True)
class Drilled:
    """What one fault led to. `next_runs`: the session ended with a trial that counts and in which the arm moved.

    `kept`: the log beside the row has every control step, but at most the one in which the fault struck.
    """

    fault: str
    outcome: str
    classed: bool
    still: bool
    next_runs: bool
    kept: bool
    error: str

    @property
    def passed(self) -> bool:
        """Whether all is as documented."""
        return self.classed and self.still and self.next_runs and self.kept


class Swing:
    """Moves the hand up and down, and lets the fault strike once."""

    name, execute, uses_pixels = "swing", 4, True

    def __init__(self, strike: Any):
        self._strike = strike

    def reset(self, trial: Trial) -> None:
        """The motion begins anew."""
        self._hold: Any = None
        self._inferences = 0

    def infer(self, observation: Observation, instruction: str) -> Inference:
        """(16, 10) actions around where the trial began."""
        self._hold = hold_action(observation) if self._hold is None else self._hold
        chunk = np.tile(self._hold, (HORIZON, 1))
        steps = self._inferences * self.execute + np.arange(HORIZON)
        chunk[:, 2] += SWING * np.sin(steps / 10)
        if self._inferences == STRIKE_AT and self._strike is not None:
            strike, self._strike = self._strike, None
            strike()
        self._inferences += 1
        return Inference(chunk)


class Impatient(ScriptedOperator):
    """Gives every trial up after `patience` control steps."""

    patience = GIVEN_UP

    def steps_done(self, env: Any) -> int:
        """As the twin knows."""
        self._late = env.control_steps >= self.patience
        return super().steps_done(env)

    def given_up(self) -> bool:
        """When it is late."""
        return self._late


def drill(env: FrankaEnv, fault: faults.Fault, right: Sequence[str], out: Path) -> Drilled:
    """Let it happen in a session of two trials that is kept in `out`."""
    assert isinstance(env.rig, TwinRig)
    assert isinstance(env.operator, Impatient)
    twin, operator, still = env.rig.twin, env.operator, []
    operator.patience = GIVEN_UP

    def tell(event: Event) -> None:
        if isinstance(event, Result):
            operator.patience = QUIET
            still.append(is_still(twin))
            twin.heal()
            if isinstance(fault, faults.UserStop):
                twin.inject(faults.UserStop(False))

    early = isinstance(fault, faults.CamerasSwapped)
    if early:
        twin.inject(fault)
    policy = Swing(None if early else lambda: twin.inject(fault))
    with ResultsWriter(out, {"env": TASK, "backend": "twin"}) as writer:
        run = EnvRun(Provenance(policy.name, "drill", backend="twin"), out)
        seen = Seen(writer)
        play(env, [Turn(Trial(TASK, k), policy, run, seen) for k in (0, 1)], "none", tell)  # type: ignore[arg-type]
    first, last = seen.rows[0], seen.rows[-1]
    moved = np.ptp(MotionLog.load(out / str(last.log)).joint_pos, axis=0).max() > STILL
    return Drilled(str(fault), first.outcome, first.outcome in right, all(still), last.counted and bool(moved), all(map(_is_kept(out), seen.rows)), first.error or "")


class Seen:
    """Passes rows on and remembers them, those too that do not count."""

    def __init__(self, writer: ResultsWriter):
        self.writer, self.rows = writer, []

    def append(self, row: Result) -> None:
        """Keep one."""
        self.rows.append(row)
        self.writer.append(row)


def is_still(twin: Any) -> bool:
    """Whether no joint moves by more than `STILL` in `STILL_MS` of the twin's time."""
    before = twin.state()
    until = time.monotonic() + 10
    while (after := twin.state()).tick < before.tick + STILL_MS and time.monotonic() < until:
        time.sleep(0.01)
    return bool(np.abs(after.joint_pos - before.joint_pos).max() < STILL)


def _is_kept(out: Path) -> Any:
    def kept(row: Result) -> bool:
        steps = round(row.seconds * CONTROL_HZ)
        return steps == 0 or (row.log is not None and len(MotionLog.load(out / row.log)) >= steps - 1)

    return kept


def open_env(mode: Mode) -> FrankaEnv:
    """A sort_toys environment on a twin of its own."""
    rig = make_twin_rig(TASK, mode, Collision())
    return FrankaEnv(rig, TASK, Impatient(rig.twin))


def table(drilled: Sequence[Drilled]) -> str:
    """The results in Markdown."""
    head = ["fault", "the trial is", "as documented", "arm still", "next trial runs", "log whole"]
    return md_table([head, *([f"`{d.fault}`", d.outcome, *map(_yes, (d.classed, d.still, d.next_runs, d.kept))] for d in drilled)])


def main(argv: Sequence[str]) -> int:
    """Print what came of it; the exit code: 0 if all was as documented."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="faults whose names have this in them")
    chosen = [(fault, right) for fault, right in EXPECTED if parser.parse_args(argv).only in str(fault)]
    console, drilled = Console(soft_wrap=True), []
    modes: tuple[tuple[Mode, bool], ...] = (("gated", False), ("lockstep", True))
    for mode, live in modes:
        of_mode = [(fault, right) for fault, right in chosen if isinstance(fault, LIVE) == live]
        if not of_mode:
            continue
        with closing(open_env(mode)) as env:
            for fault, right in of_mode:
                with tempfile.TemporaryDirectory() as folder:
                    drilled.append(drill(env, fault, right, Path(folder)))
                console.print(f"{drilled[-1].fault}: {drilled[-1].outcome} {drilled[-1].error[:110]}", highlight=False)
    console.print(table(drilled), highlight=False)
    return 0 if all(d.passed for d in drilled) else 1


def _yes(value: bool) -> str:
    return "yes" if value else "NO"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

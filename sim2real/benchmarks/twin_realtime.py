"""Whether the twin keeps time: 15 Hz held, commands missed, milliseconds late, frames a second.

    python -m sim2real.benchmarks.twin_realtime [minutes] [mode ...]      (10 minutes; lockstep and real_time)

The real drivers do what a rollout does, without a policy: each 1/15 s the newest frame of every camera and the arm's state are
read, and a target is sent that follows a slow sine. A control step is held if it begins less than 5 ms late. The bar: 99 % of the
control steps are held, the robot's time is the wall's within 1 %, the arm moves to the end, and in lockstep no command is lost. The
load of the machine is printed beside the numbers: with a policy or another process on the same cores they are others.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass

import numpy as np

from envs.types import CONTROL_HZ
from sim2real.arm import Collision
from sim2real.outcomes import RobotError
from sim2real.twin.clock import Mode
from sim2real.twin_rig import TwinRig, make_twin_rig

MODES: tuple[Mode, ...] = ("lockstep", "real_time")
HELD_S = 0.005
BAR_HELD, BAR_PACE = 0.99, 0.01
PLANNED = "as planned"
SWING, PERIOD_S = 0.1, 4.0  # rad, s


@dataclass(frozen=True)
class Timing:
    """What was measured in one mode. `pace`: robot time over wall time; `frame_hz`: of each camera, new ones."""

    mode: str
    steps: int
    held: float
    worst_ms: float
    commands: int
    lost: int
    late_ticks: int
    pace: float
    frame_hz: float
    ended: str

    @property
    def passes(self) -> bool:
        """Whether the bar is reached."""
        lost = self.lost and self.mode == "lockstep"
        return self.held >= BAR_HELD and abs(self.pace - 1) <= BAR_PACE and not lost and self.ended == PLANNED

    def line(self) -> str:
        """One row of the table."""
        return (
            f"{self.mode:<10} {self.steps:6d} {self.held:8.2%} {self.worst_ms:8.1f} {self.commands:9d} {self.lost:6d} "
            f"{self.late_ticks:6d} {self.pace:6.3f} {self.frame_hz:7.1f}  {'reached' if self.passes else 'NOT':7}  {self.ended}"
        )


HEADER = "mode        steps     held  worst ms  commands   lost   late   pace  frames  bar      ended"


def measure(rig: TwinRig, mode: str, minutes: float) -> Timing:
    """Swing the arm for so long."""
    start, steps = rig.arm.state().joint_pos, round(minutes * 60 * CONTROL_HZ)
    rig.cameras.wait_ready()
    before, began = rig.twin.state(), time.monotonic()
    lateness, stamps, ended = [], set(), PLANNED
    rig.arm.start(start)
    try:
        for step in range(steps):
            due = began + step / CONTROL_HZ
            time.sleep(max(0.0, due - time.monotonic()))
            lateness.append(time.monotonic() - due)
            stamps |= {(name, frame.captured_s) for name, frame in rig.cameras.newest().items()}
            rig.arm.state()
            rig.arm.follow(start + SWING * np.sin(2 * np.pi * step / CONTROL_HZ / PERIOD_S) * np.ones(7))
        rig.arm.stop()
    except RobotError as error:
        ended = f"{type(error).__name__}: {error}"
    seconds, after = time.monotonic() - began, rig.twin.state()
    late = np.array(lateness)
    return Timing(
        mode, len(late), float((late < HELD_S).mean()), 1000 * float(late.max()), after.commands - before.commands,
        after.lost - before.lost, after.late_ticks - before.late_ticks, (after.tick - before.tick) / 1000 / seconds,
        len(stamps) / 3 / seconds, ended,
    )  # fmt: skip


def main(argv: list[str]) -> int:
    """Print a row for each mode; the exit code: 0 if all reach the bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("minutes", type=float, nargs="?", default=10.0, help="of each mode (default 10)")
    parser.add_argument("modes", nargs="*", metavar="mode", help=f"{' and '.join(MODES)} (default: both)")
    args = parser.parse_args(argv)
    if unknown := set(args.modes) - set(MODES):
        parser.error(f"unknown mode {', '.join(sorted(unknown))}; there are {' and '.join(MODES)}")
    minutes = args.minutes
    print(f"{minutes:g} minutes each, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the start\n{HEADER}", flush=True)
    passed = True
    for mode in args.modes or MODES:
        rig = make_twin_rig("sort_toys", mode, Collision())
        try:
            timing = measure(rig, mode, minutes)
            passed &= timing.passes
            print(timing.line(), flush=True)
        finally:
            rig.close()
    return int(not passed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

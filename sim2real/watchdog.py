"""Whether the arm may go on, has to hold still, or must be stopped: by the age of pictures, actions and of the operator's hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sim2real.outcomes import CameraError, OperatorStop, RobotError, StaleAction
from sim2real.safety import SafetyLimits

Order = Literal["go", "hold", "stop"]


@dataclass(frozen=True)
class Signs:
    """What is known at one moment: s since each was last new. `camera`: the one whose picture is oldest.

    `apart_s`: for how long the newest pictures have been farther apart in time than allowed.
    """

    frame_s: float = 0.0
    action_s: float = 0.0
    dead_man_s: float = 0.0
    apart_s: float = 0.0
    camera: str = ""
    stop_pressed: bool = False


@dataclass(frozen=True)
class Verdict:
    """`why`: what is amiss, as the error that ends the trial where the order is stop."""

    order: Order
    why: RobotError | None = None


GO = Verdict("go")


def judge(signs: Signs, limits: SafetyLimits) -> Verdict:
    """The gravest of what each sign asks for; a pressed stop button comes before everything."""
    if signs.stop_pressed:
        return Verdict("stop", OperatorStop("the operator pressed stop"))
    late = f"the newest picture of camera {signs.camera} is {signs.frame_s:.2f} s old"
    apart = f"the pictures have been more than {1000 * limits.skew_s:.0f} ms apart for {signs.apart_s:.1f} s; camera {signs.camera} is behind"
    verdicts = [
        _aged(signs.dead_man_s, limits.dead_man_hold_s, limits.dead_man_stop_s, OperatorStop(f"the dead-man key was let go of {signs.dead_man_s:.1f} s ago")),
        _aged(signs.frame_s, limits.frame_hold_s, limits.frame_stop_s, CameraError(late)),
        _aged(signs.action_s, limits.action_hold_s, limits.action_stop_s, StaleAction(f"no action for {signs.action_s:.1f} s")),
        _aged(signs.apart_s, limits.frame_hold_s, limits.frame_stop_s, CameraError(apart)),
    ]
    return max(verdicts, key=lambda verdict: ("go", "hold", "stop").index(verdict.order))


def _aged(age_s: float, hold_s: float, stop_s: float, why: RobotError) -> Verdict:
    if age_s >= stop_s:
        return Verdict("stop", why)
    return Verdict("hold", why) if age_s >= hold_s else GO

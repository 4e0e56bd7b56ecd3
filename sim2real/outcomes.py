"""What can end a trial from outside the policy: each error knows the outcome that the row gets, decided before any trial is run.

| outcome | counts as | what |
|---|---|---|
| success, failure, timeout | a trial | what the task's steps say, and the clock |
| operator_stop | a trial | the operator (or the robot's stop button) had to end it |
| reflex | a trial | the arm stopped itself: a collision, a limit |
| invalid | no trial, repeated | cameras, gripper, network, watchdog: the setup failed, not the policy |
| error | no trial, repeated | a crash of the software |
"""

from __future__ import annotations

from experiments.errors import NotATrial


class RobotError(NotATrial):
    """The robot cannot go on; `outcome` is the row's where a trial was under way. Before it began, any of these is `invalid`."""

    outcome = "invalid"


class ReflexError(RobotError):
    """The arm stopped itself; the message names Franka's errors."""

    outcome = "reflex"


class OperatorStop(RobotError):
    """Somebody stopped the trial: the page's button, the dead-man key let go for too long, the robot's own stop button."""

    outcome = "operator_stop"


class LinkLost(RobotError):
    """The arm's controller does not answer any more."""


class GripperError(RobotError):
    """The gripper does not answer, or tells of a fault."""


class CameraError(RobotError):
    """A camera is gone, frozen, late or swapped with another."""


class StaleAction(RobotError):
    """No action came for too long; the arm was held, then stopped."""


class NotHomeError(RobotError):
    """The arm did not get to where the trial starts."""


class NotStarted(RobotError):
    """The operator did not let the trial begin."""


class SessionEnded(KeyboardInterrupt):
    """The operator ends the session; what is finished is kept, as after Ctrl-C."""

"""Brings a rig to where a trial starts, and makes sure that it got there."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from sim2real.outcomes import GripperError, NotHomeError
from sim2real.rig import Rig

OPENED, OPENING_S = 0.05, 3.0  # the gripper counts as open below that share; it has so long


def recover(rig: Rig) -> None:
    """Have every device ready again after whatever ended the trial before.

    Raises:
        RobotError: one is still in trouble.
    """
    rig.arm.recover()
    try:
        rig.gripper.go_to(0.0)
    except GripperError:
        rig.gripper.recover()
    rig.cameras.forget()
    rig.cameras.wait_ready()


def open_gripper(rig: Rig) -> float:
    """Open the gripper; how far it is still closed, 0 - 1.

    Raises:
        GripperError: it does not open.
    """
    until = time.monotonic() + OPENING_S
    while (closed := rig.gripper.go_to(0.0)) > OPENED:
        if time.monotonic() > until:
            raise GripperError(f"the gripper is still {100 * closed:.0f} % closed {OPENING_S:g} s after it was told to open; is something in it?")
        time.sleep(0.05)
    return closed


def go_to(rig: Rig, joint_pos: NDArray[np.float64], near: float) -> None:
    """Go slowly to these joints (7,) rad, unless the arm is within `near` rad of them."""
    if np.abs(rig.arm.state().joint_pos - joint_pos).max() > near:
        rig.arm.move_to(joint_pos)


def check_start(rig: Rig, joint_pos: NDArray[np.float64], allowed: float) -> None:
    """The arm is where the trial starts.

    Raises:
        NotHomeError: a joint is more than `allowed` rad off.
    """
    off = np.abs(rig.arm.state().joint_pos - joint_pos)
    if off.max() > allowed:
        joint = int(off.argmax())
        raise NotHomeError(f"joint {joint + 1} is {off[joint]:.3f} rad from where the trial starts, allowed are {allowed}; was the arm pushed?")

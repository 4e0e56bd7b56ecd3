"""The driver of an arm, by its kind; each library is imported only where its arm is used."""

from __future__ import annotations

from envs.motion import Motion
from sim2real.arm import Arm, Collision
from sim2real.twin.robots import RobotKind


def connect(ip: str, kind: RobotKind, collision: Collision, motion: Motion, threaded: bool = True, realtime: bool = True) -> tuple[Arm, str]:
    """The arm at this address, and the package that drives it.

    Raises:
        RobotError: it does not answer, or is of another kind.
    """
    given = (ip, kind, collision, motion, threaded)
    if kind.name == "panda":
        from sim2real.panda_arm import PandaArm

        return PandaArm(*given), "panda-python"
    from sim2real.franky_arm import FrankyArm

    return FrankyArm(*given, realtime), "franky-control"

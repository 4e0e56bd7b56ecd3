"""A rig: arm, gripper, three cameras and the clock they run by; what stands behind `robot=twin` and `robot=franka` alike."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from envs.types import CONTROL_HZ, Trial
from sim2real.arm import Arm
from sim2real.cameras import Cameras
from sim2real.gripper import Gripper
from sim2real.twin.robots import RobotKind


class Clock(Protocol):
    """The time of a trial, in control periods of 1/15 s. `real_time`: it goes on while nobody waits for it."""

    real_time: bool

    def start(self) -> None:
        """A trial begins: the first control period starts now."""
        ...

    def now(self) -> float:
        """s since then."""
        ...

    def missed(self) -> int:
        """Whole control periods that have passed since the last one was waited for; they are over then."""
        ...

    def wait(self) -> None:
        """Until the end of the present control period."""
        ...


class WallClock:
    """Real time. A period that was missed is never made up for by a shorter one."""

    real_time = True

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """The first control period starts now."""
        self._began = time.monotonic()
        self._due = 0.0

    def now(self) -> float:
        """s since the start."""
        return time.monotonic() - self._began

    def missed(self) -> int:
        """Control periods that nobody waited for."""
        periods = int((self.now() - self._due) * CONTROL_HZ)
        self._due += periods / CONTROL_HZ
        return periods

    def wait(self) -> None:
        """Sleep to the end of the period."""
        self._due += 1 / CONTROL_HZ
        time.sleep(max(0.0, self._due - self.now()))


class Scene(Protocol):
    """What puts a trial's things where they belong before it begins; on the real table the operator does."""

    def prepare(self, trial: Trial) -> None: ...

    def full_state(self) -> NDArray[np.float64] | None:
        """What `SimEnv.set_full_state` takes, of this moment, where anybody knows it."""
        ...


class RealScene:
    """The table: nothing but hands moves its things."""

    def prepare(self, trial: Trial) -> None:
        """Nothing: see the operator."""

    def full_state(self) -> None:
        """Nobody knows it."""


@dataclass
class Rig:
    """`backend`: `twin` or `franka`, as rows tell it. `versions`: of the devices and what drives them."""

    backend: str
    arm: Arm
    kind: RobotKind
    gripper: Gripper
    cameras: Cameras
    clock: Clock
    scene: Scene = field(default_factory=RealScene)
    versions: Mapping[str, str] = field(default_factory=dict)

    def close(self) -> None:
        """Let go of all devices."""
        self.cameras.close()
        self.gripper.close()
        self.arm.close()

"""The rig of `robot=twin`: the real drivers, connected to the digital twin."""

from __future__ import annotations

import time
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from envs.motion import MOTIONS
from envs.types import CONTROL_HZ, Trial
from sim2real.arm import Arm, ArmState, Collision, Vector
from sim2real.cameras import Cameras
from sim2real.drivers import connect
from sim2real.gripper import RobotiqGripper
from sim2real.identification.dynamics import Dynamics
from sim2real.outcomes import LinkLost
from sim2real.rig import Rig, WallClock
from sim2real.twin import Delays, Twin, TwinError
from sim2real.twin.clock import Mode
from sim2real.twin.robots import ROBOTS
from sim2real.twin.wire import MODE_MOVE
from sim2real.zed import ZedCamera

MOTION_S = 5.0  # for a motion to begin
GATE_MS = 5  # between two words to the arm's controller
FPS = 15  # that a CPU draws three cameras at


class GatedClock:
    """The time of a twin that stands still between control steps: it takes no time to think."""

    real_time = False

    def __init__(self, twin: Twin, arm: Arm, cameras: Cameras):
        self._twin, self._arm, self._cameras = twin, arm, cameras
        self._steps = 0

    def start(self) -> None:
        """The trial's first control period; the arm's motion has just been asked for. Its first command stands at the gate then."""
        self._steps = 0
        end = time.monotonic() + MOTION_S
        while not self._twin.at_gate and time.monotonic() < end:
            time.sleep(0.002)
        self._cameras.expire()

    @property
    def _moves(self) -> bool:
        return self._twin.state().robot_mode == MODE_MOVE

    def now(self) -> float:
        """s of the twin's time."""
        return self._steps / CONTROL_HZ

    def missed(self) -> int:
        """Never any."""
        return 0

    def wait(self) -> None:
        """The twin goes on for one control period; an arm that has stopped itself leaves its driver a moment to find out."""
        try:
            if self._moves:
                self._period()
            else:
                time.sleep(0.05)
        except TwinError as error:
            if self._moves:
                raise LinkLost(f"the twin does not go on ({error})") from error
        self._steps += 1
        self._cameras.expire()

    def _period(self) -> None:
        """The arm's controller is led from gate to gate, at fixed times, until the control period is over or the motion."""
        now = self._twin.state().control_steps
        while self._moves and self._twin.state().control_steps == now:
            self._arm.lead(GATE_MS / 1000)
            self._twin.step()


class GatedArm:
    """An arm at a twin's gates: they are open while it goes to the start and while it stops."""

    def __init__(self, arm: Arm, twin: Twin):
        self._arm, self._twin = arm, twin

    def state(self) -> ArmState:
        """As the arm tells."""
        return self._arm.state()

    def move_to(self, joint_pos: Vector) -> None:
        """Without gates."""
        self._twin.free()
        self._arm.move_to(joint_pos)

    def start(self, joint_pos: Vector) -> None:
        """With gates from the first command on."""
        self._twin.hold(GATE_MS)
        self._arm.start(joint_pos)

    def follow(self, joint_pos: Vector) -> None:
        """The next target."""
        self._arm.follow(joint_pos)

    def lead(self, period_s: float) -> None:
        """As the arm does."""
        self._arm.lead(period_s)

    def stop(self) -> None:
        """Without gates."""
        self._twin.free()
        self._arm.stop()

    def recover(self) -> None:
        """As the arm does."""
        self._arm.recover()

    def close(self) -> None:
        """Without gates."""
        self._twin.free()
        self._arm.close()


class TwinScene:
    """The twin's own table."""

    def __init__(self, twin: Twin):
        self.twin = twin

    def prepare(self, trial: Trial) -> None:
        """Put everything where the trial wants it."""
        self.twin.reset(trial)

    def full_state(self) -> NDArray[np.float64]:
        """The twin's own."""
        return self.twin.state().full_state


class TwinRig(Rig):
    """A rig that owns its twin."""

    twin: Twin

    def close(self) -> None:
        """End the twin, too."""
        super().close()
        self.twin.close()


def make_twin_rig(task: str, mode: Mode, collision: Collision, robot: str = "fr3", motion: str = "smooth", delays: Delays = Delays(), dynamics: Dynamics | None = None) -> TwinRig:  # noqa: B008 (frozen)
    """A twin of the task's scene, and the drivers that are connected to it."""
    twin = Twin(task, mode, robot=robot, delays=delays, dynamics=dynamics)
    try:
        gated = mode == "gated"
        cameras = Cameras({name: ZedCamera(twin.sl, name, serial, FPS) for name, serial in twin.serials.items()}, threaded=not gated)
        arm, driver = connect(twin.ip, ROBOTS[twin.robot], collision, MOTIONS[motion], threaded=not gated, realtime=False)
        rig = TwinRig(
            "twin", GatedArm(arm, twin) if gated else arm, ROBOTS[twin.robot], RobotiqGripper(twin.gripper_port), cameras,
            GatedClock(twin, arm, cameras) if gated else WallClock(), TwinScene(twin),
            {"twin": mode, driver: version(driver), "pyrobotiqgripper": version("pyrobotiqgripper")},
        )  # fmt: skip
    except BaseException:
        twin.close()
        raise
    rig.twin = twin
    return rig

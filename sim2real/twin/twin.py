"""A twin: one task's scene as robot hardware, in processes of its own."""

from __future__ import annotations

import select
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from envs.names import TASK_NAMES, checked_name
from envs.scenes import SCENES
from envs.tasks import get_task
from envs.types import CAMERAS, Trial
from sim2real.identification.dynamics import Dynamics
from sim2real.twin import arm_process, camera_process, zed, zed_card
from sim2real.twin.arm_process import ArmConfig, Delays
from sim2real.twin.camera_process import CameraConfig, Stage
from sim2real.twin.clock import MODES, Mode
from sim2real.twin.faults import CameraFault, CameraFrozen, CameraLate, CamerasSwapped, CameraUnplugged, Fault
from sim2real.twin.fci import listen
from sim2real.twin.process import Process, TwinError
from sim2real.twin.robots import ROBOTS
from sim2real.twin.state_ring import StateRing, TwinState
from sim2real.twin.wire import DIALECTS
from sim2real.twin.zed_card import CameraCard

SERIALS = {"left": 30000001, "right": 30000002, "wrist": 10000003}
STEP_S = 30.0  # for a control period in gated mode
LISTEN_S = 0.1  # for a stroke of the bell
MOTION_S = 5.0  # for a motion to begin in gated mode


class Twin:
    """Hardware that is not there. Use it as a context manager, or call `close`.

    `ip`: where libfranka finds the arm (port 1337). `gripper_port`: a serial device. `sl`: to be used as `pyzed.sl`.
    `serials`: camera name -> serial number. `folder`: for other processes, `sim2real.twin.zed.sl(folder)`.

    Args:
        trial: what the scene shows first; the name of a task stands for its first test trial.
        mode: see `sim2real.twin.clock`.
        robot: `fr3`, `panda`, or `fr3_ideal`, which takes the torques that the simulation's law commands; `version`: of the Franka Control Interface (default: the robot's newest).
        ip: a loopback address; None takes the first free one.
        dynamics: friction, armature and gripper damping where they are not the scene's; its delays and the law's gains are not used here.
        faults: that are there from the start.

    Raises:
        ValueError: an unknown name. OSError: the address is in use. TwinError: a process did not start.
    """

    def __init__(
        self,
        trial: Trial | str,
        mode: Mode = "lockstep",
        *,
        robot: str = "fr3",
        version: int | None = None,
        ip: str | None = None,
        delays: Delays = Delays(),  # noqa: B008 (frozen)
        dynamics: Dynamics | None = None,
        quality: str = "fast",
        faults: Sequence[Fault] = (),
    ):
        self.trial = Trial(checked_name(trial, TASK_NAMES, "env"), 0) if isinstance(trial, str) else trial
        self.mode: Mode = mode
        checked_name(mode, MODES, "mode")
        self.robot = checked_name(robot, ROBOTS, "robot")
        self.version = ROBOTS[robot].version if version is None else version
        if self.version not in DIALECTS:
            raise ValueError(f"version {version} of the Franka Control Interface is not served; expected one of {[*DIALECTS]}")
        listener = listen(ip)
        self.ip: str = listener.getsockname()[0]
        self.folder = Path(tempfile.mkdtemp(prefix="twin_", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.serials = dict(SERIALS)
        self._bell, self._clapper = socket.socketpair()
        self._clapper.setblocking(False)
        self._processes: list[tuple[Process, object]] = []  # and what ends it
        try:
            self._start(delays, dynamics, listener, quality)
            for fault in faults:
                self.inject(fault)
        except BaseException:
            self.close()
            raise

    def _start(self, delays: Delays, dynamics: Dynamics | None, listener: socket.socket, quality: str) -> None:
        self._ring = StateRing(self.folder / zed_card.STATES, create=True)
        specs = {spec.name: spec for spec in SCENES[get_task(self.trial.env).scene].cameras}
        cards = [CameraCard(self.serials[name], name, specs[name].model, specs[name].fovy) for name in CAMERAS]
        zed_card.write_card(self.folder, cards, round(delays.camera_s * 1000))
        arm = ArmConfig(
            self.trial, self.robot, self.version, self.mode, listener, delays, dynamics, self.folder / zed_card.STATES, self._clapper,
        )  # fmt: skip
        cameras = CameraConfig(self.trial, quality, self.folder / zed_card.SOCKET)
        self._arm = self._started(Process(arm_process.main, arm), ("close", None))
        self._cameras = self._started(Process(camera_process.main, cameras), None)
        listener.close()  # the process has its own
        self.gripper_port: str = self._arm.ready()
        self._cameras.ready()
        self.sl: ModuleType = zed.sl(self.folder)

    def _started(self, process: Process, farewell: object) -> Process:
        self._processes.append((process, farewell))
        return process

    def __enter__(self) -> Twin:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; clients lose their connections."""
        for process, farewell in self._processes:
            process.bid_farewell(farewell)
        for process, _ in self._processes:
            process.close()
        self._processes.clear()
        self._bell.close()
        self._clapper.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- the scene ---

    def reset(self, trial: Trial) -> None:
        """Begin another trial of the task: things where its layout says, the arm at the trial's start, the gripper open.

        In gated mode the arm is held from here on (see `hold`); nothing moves before the first step.

        Raises:
            ResetError: the trial's scene does not settle. RuntimeError: a motion is under way.
        """
        self._ask("reset", trial)
        self._cameras.ask(("reset", (trial, int(self._ring.header["episode"]))))
        self.trial = trial

    def state(self) -> TwinState:
        """What is so now, whatever the sensors say."""
        return self._ring.read()

    def show(self, stage: Callable[[], Stage] | None) -> None:
        """What the cameras see from now on instead of the trial's scene, made in their process (so that it can be pickled); None: the scene."""
        self._cameras.ask(("show", stage))

    def joint_path(self, ms: int, every: int = 1) -> NDArray[np.float64]:
        """(n, 7) rad: where the arm was in the last milliseconds, at most 500, once in `every` of them."""
        newest = self._ring.tick
        return np.array([self._ring.read(tick).joint_pos for tick in range(newest - ms + 1, newest + 1, every)])

    # --- time, in gated mode ---

    def hold(self, every_ms: int = 0) -> None:
        """From now on a motion stops at its first command and at the end of every control period, until `step`.

        `every_ms`: it stops every so many ms of a control period, too.

        Only for `mode="gated"`; `reset` does it, too.
        """
        self._require_gated("hold")
        self._ask("hold", (True, every_ms))

    @property
    def at_gate(self) -> bool:
        """Whether a motion stands at a gate."""
        return bool(self._ring.header["at_gate"])

    def free(self) -> None:
        """Let motions run, at whatever pace the client keeps; before a motion can be stopped, it must be free."""
        self._require_gated("free")
        self._ask("hold", (False, 0))

    def step(self) -> TwinState:
        """Let the time to the next gate pass, or what is left of a motion; call it after the action has been commanded.

        Raises:
            TwinError: no motion begins, or the client no longer answers.
        """
        self._require_gated("step")
        header = self._ring.header
        ended = int(header["ended"])
        self._until(lambda: self.at_gate, MOTION_S, "no motion stands at the gate; start one after `reset` or `hold`")
        gate = int(header["gate"])
        self._ask("go", None)
        self._until(lambda: header["gate"] > gate or header["ended"] > ended, STEP_S, "the client no longer answers states")
        return self.state()

    # --- faults ---

    def inject(self, fault: Fault) -> None:
        """Something goes wrong; see `sim2real.twin.faults`."""
        header = self._ring.header
        if not isinstance(fault, get_args(Fault)):
            raise ValueError(f"{fault!r} is no fault; expected one of {', '.join(f.__name__ for f in get_args(Fault))}")
        if not isinstance(fault, get_args(CameraFault)):
            self._ask("inject", fault)
        elif isinstance(fault, CamerasSwapped):
            first, second = CAMERAS.index(fault.first), CAMERAS.index(fault.second)
            header["view"][[first, second]] = header["view"][[second, first]]
        elif isinstance(fault, CameraUnplugged):
            header["unplugged"][CAMERAS.index(fault.camera)] |= 1
        elif isinstance(fault, CameraFrozen):
            header["frozen"][CAMERAS.index(fault.camera)] = 1
        elif isinstance(fault, CameraLate):
            header["late"][CAMERAS.index(fault.camera)] = round(1000 * fault.seconds)

    def heal(self) -> None:
        """End all faults that last. A reflex or a pressed stop button is the operator's to end."""
        self._ring.heal()
        self._ask("heal", None)

    # --- inside ---

    def _require_gated(self, what: str) -> None:
        if self.mode != "gated":
            raise ValueError(f"Twin.{what} is for mode='gated'; this twin's is '{self.mode}'")

    def _until(self, true: Any, timeout_s: float, otherwise: str) -> None:
        """Wait for what the arm's process rings its bell at."""
        end = time.monotonic() + timeout_s
        while not true():
            if time.monotonic() > end:
                for process, _ in self._processes:
                    process.check_alive()
                raise TwinError(f"{otherwise} (waited {timeout_s:.0f} s)")
            if select.select([self._bell], [], [], LISTEN_S)[0]:
                self._bell.recv(4096)

    def _ask(self, name: str, argument: Any) -> None:
        self._arm.ask((name, argument))

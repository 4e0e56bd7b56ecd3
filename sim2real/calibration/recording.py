"""Pictures for calibration by the robot's own drivers: the arm goes through the poses, the cameras are read while it stands still."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from envs.motion import MOTIONS
from sim2real.arm import Arm, Collision
from sim2real.calibration.board import Board
from sim2real.calibration.captures import CaptureFolder
from sim2real.calibration.solve import Camera
from sim2real.calibration.sweep import held_sweep, table_sweep
from sim2real.calibration.synthetic import SIZE, Studio, hidden_cameras, seeing
from sim2real.drivers import connect
from sim2real.twin import Twin
from sim2real.twin.camera_process import Shot
from sim2real.twin.robots import ROBOTS
from sim2real.twin_rig import GatedArm
from sim2real.zed import ZedCamera

TASK, FPS = "close_drawer", 15
SETTLED_S = 0.3  # after a motion, for the arm to stand still
Sweeps = Mapping[str, NDArray[np.float64]]


class WholePicture(Protocol):
    """A camera that is open."""

    def whole_picture(self, since_s: float) -> NDArray[np.uint8]:
        """(720, 1280, 3) uint8 RGB, taken after `since_s`, Unix time."""
        ...


class BoardStage:
    """A twin's stage: an empty table, a board on it or in the gripper, and cameras where nobody expects them."""

    def __init__(self, board: Board, cameras: dict[str, Camera], holder: str):
        self._studio, self._holder = Studio(board, cameras), holder

    def picture(self, shot: Shot) -> NDArray[np.uint8]:
        """What the camera sees.

        Raises:
            ValueError: the picture is not as large as the cameras'.
        """
        if (shot.width, shot.height) != SIZE:
            raise ValueError(f"a picture of {shot.width}x{shot.height} of the board; expected {SIZE[0]}x{SIZE[1]}, as calibration takes it")
        self._studio.place(shot.full_state[-7:], self._holder)  # the last seven are the joints (`sim2real.twin.state_ring`)
        return self._studio.picture(shot.camera)

    def close(self) -> None:
        """Free the OpenGL context."""
        self._studio.close()


def record(captures: CaptureFolder, arm: Arm, cameras: Mapping[str, WholePicture], sweeps: Sweeps, place: Callable[[str], None]) -> None:
    """Takes all pictures of the sweeps (holder -> (n, 7) rad); `place` puts the board where it belongs: on the table, or into the hand."""
    for holder, sweep in sweeps.items():
        place(holder)
        for i, joints in enumerate(sweep):
            arm.move_to(joints)
            time.sleep(SETTLED_S)
            still_s = time.time()  # the newest frame may show the arm as it came
            for name in seeing(holder, i):
                captures.add(name, cameras[name].whole_picture(still_s), arm.state().joint_pos, holder)


def record_twin(folder: Path, board: Board, poses: int, rng: np.random.Generator) -> None:
    """Fills a capture folder with what a twin's cameras see, and writes what is true of them beside it."""
    hidden = hidden_cameras(folder, rng)
    sweeps = {"world": table_sweep(board, poses, rng), "hand": held_sweep(board, poses, rng)}
    with Twin(TASK, "gated") as twin:  # which waits longest for a busy machine
        cameras = {name: ZedCamera(twin.sl, name, serial, FPS) for name, serial in twin.serials.items()}
        arm = GatedArm(connect(twin.ip, ROBOTS[twin.robot], Collision(), MOTIONS["smooth"], threaded=False, realtime=False)[0], twin)
        try:
            for camera in cameras.values():
                camera.open()
            record(CaptureFolder(folder, board), arm, cameras, sweeps, lambda holder: twin.show(partial(BoardStage, board, hidden, holder)))
        finally:
            for camera in cameras.values():
                camera.close()
            arm.close()

"""A folder of pictures for calibration: which camera saw the board, with the arm at which joints, on what the board was."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from envs.cameras import CAMERA_SPECS
from envs.ik import IK
from envs.robot import ARM_JOINTS, HAND_BODY
from envs.types import CAMERAS
from experiments.errors import UsageError, check_name
from sim2real.calibration.board import Board

BOARD_FILE, CAPTURES_FILE = "board.json", "captures.jsonl"
HOLDERS = ("world", "hand")  # what the board can be fixed to
BODY_OF = {camera.name: camera.body for camera in CAMERA_SPECS}
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Capture:
    """One picture, taken while the arm stood still.

    `image`: its file in the folder; `joint_pos`: (7,) rad; `holder`: "world" where the board lies or stands, "hand" where the
    gripper holds it; `placement`: a name for how it was put there, another whenever it was moved on its holder.
    """

    camera: str
    image: str
    joint_pos: tuple[float, ...]
    holder: str = "world"
    placement: str = "0"


class CaptureFolder:
    """Writes pictures and what is known of them, each on disk when `add` returns; a later session goes on in the same folder.

    Raises:
        UsageError: the folder holds pictures of another board.
    """

    def __init__(self, folder: Path, board: Board) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        known = folder / BOARD_FILE
        if known.exists() and read_board(folder) != board:
            raise UsageError(f"{folder} holds pictures of {read_board(folder)}; choose another folder for {board}")
        known.write_text(json.dumps(asdict(board)) + "\n")
        lines = folder / CAPTURES_FILE
        self._count = len(lines.read_text().splitlines()) if lines.exists() else 0

    def add(self, camera: str, image: NDArray[np.uint8], joint_pos: ArrayLike, holder: str = "world", placement: str = "0") -> Capture:
        """Keeps an RGB picture (h, w, 3) uint8 of `camera`, at the camera's own resolution, with the joints (7,) rad."""
        joints = tuple(float(v) for v in np.asarray(joint_pos, float))
        capture = Capture(check_name(camera, CAMERAS, "camera"), f"{camera}_{self._count:04d}.png", joints, check_name(holder, HOLDERS, "holder"), placement)
        Image.fromarray(image).save(self.folder / capture.image, compress_level=1)
        with (self.folder / CAPTURES_FILE).open("a") as file:
            file.write(json.dumps(asdict(capture)) + "\n")
        self._count += 1
        return capture


def read_board(folder: Path) -> Board:
    """The board that the folder's pictures show."""
    return Board(**_json(folder / BOARD_FILE))


def read_captures(folder: Path) -> tuple[Capture, ...]:
    """All captures of a folder.

    Raises:
        UsageError: there are none, or a line is none.
    """
    path = folder / CAPTURES_FILE
    if not path.exists():
        raise UsageError(f"{folder} holds no {CAPTURES_FILE}; expected a folder of pictures, such as `simulate` makes")
    captures = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            row = json.loads(line)
            capture = Capture(**row | {"joint_pos": tuple(row["joint_pos"])})
        except (ValueError, TypeError, KeyError) as error:
            raise UsageError(f"{path}, line {number}: not a capture ({error})") from error
        check_name(capture.camera, CAMERAS, "camera")
        check_name(capture.holder, HOLDERS, "holder")
        if len(capture.joint_pos) != len(ARM_JOINTS):
            raise UsageError(f"{path}, line {number}: joint_pos has {len(capture.joint_pos)} values, expected {len(ARM_JOINTS)}")
        captures.append(capture)
    return tuple(captures)


def read_image(folder: Path, capture: Capture) -> NDArray[np.uint8]:
    """The picture, (h, w, 3) uint8 RGB."""
    path = folder / capture.image
    if not path.exists():
        raise UsageError(f"{path} is missing; {folder / CAPTURES_FILE} names it")
    return np.asarray(Image.open(path).convert("RGB"))


def hand_poses(joint_pos: Iterable[ArrayLike]) -> Array:
    """(n, 4, 4) hand_to_base at joints (n, 7) rad: of the body that the wrist camera is bolted to."""
    model = IK().model
    data = mujoco.MjData(model)
    addresses = [model.joint(name).qposadr[0] for name in ARM_JOINTS]
    poses = []
    for joints in joint_pos:
        data.qpos[addresses] = joints
        mujoco.mj_kinematics(model, data)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = data.body(HAND_BODY).xmat.reshape(3, 3), data.body(HAND_BODY).xpos
        poses.append(pose)
    return np.array(poses).reshape(-1, 4, 4)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error}); it says which board the pictures show") from error

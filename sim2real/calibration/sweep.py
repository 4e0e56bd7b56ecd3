"""Arm poses for calibration: the wrist camera over a board on the table, and a board in the gripper before the table cameras."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.cameras import CAMERA_SPECS
from envs.geometry import look_at, rotation_matrix
from envs.ik import IK
from envs.robot import HOME_QPOS
from sim2real.calibration.board import Board

Array = NDArray[np.float64]
HAND_TO_EE = np.array([0.0, 0.0, 0.130324])  # m in the hand's frame (envs.robot: the site `ee`; tests hold it)
TABLE_CENTRE = np.array([0.52, 0.0, 0.0])  # m, where the board lies
DISTANCE = (0.26, 0.36)  # m from the wrist camera to the board
TILT = 35.0  # degrees from straight above, at most
HELD_AT = np.array([0.47, 0.0, 0.28])  # m, of the fingertips that hold the board
HELD_SPREAD = np.array([0.06, 0.10, 0.07])  # m, +-
HELD_YAW = (20.0, 75.0)  # degrees by which the held board turns from forwards towards a camera
HELD_TILT = 25.0  # degrees, +-, about the hand's other axes
GRIP = 0.02  # m of the board's edge between the fingertips
REACHED = (0.001, 0.01)  # m, rad: what inverse kinematics may miss a pose by
TRIES = 50  # poses per one that is wanted


def board_on_table(board: Board) -> Array:
    """(4, 4) board_to_world: flat on the table, printed side up, its columns along y."""
    pose = np.eye(4)
    pose[:3, :3] = np.array([[0.0, -1, 0], [-1, 0, 0], [0, 0, -1]])
    pose[:3, 3] = TABLE_CENTRE - pose[:3, :3] @ [board.size[0] / 2, board.size[1] / 2, 0.0]
    return pose


def board_in_hand(board: Board) -> Array:
    """(4, 4) board_to_hand: gripped in the middle of a long edge, printed side along the fingers' +y."""
    pose = np.eye(4)
    pose[:3, :3] = np.array([[-1.0, 0, 0], [0, 0, -1], [0, -1, 0]]).T  # columns of the board along -x, rows towards the hand
    middle = pose[:3, :3] @ [board.size[0] / 2, board.size[1] / 2, 0.0]
    pose[:3, 3] = HAND_TO_EE + [0.0, 0.0, board.size[1] / 2 - GRIP] - middle
    return pose


def table_sweep(count: int, rng: np.random.Generator) -> Array:
    """(count, 7) rad: joints at which the wrist camera looks at the board on the table from all around.

    Raises:
        ValueError: the arm reaches too few of the poses.
    """
    wrist = next(c for c in CAMERA_SPECS if c.name == "wrist")

    def draw() -> tuple[Array, Array]:
        tilt, turn = np.radians(TILT) * np.sqrt(rng.random()), rng.uniform(-np.pi, np.pi)
        away = np.array([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)])
        target = TABLE_CENTRE + rng.uniform(-0.03, 0.03, 3) * [1, 1, 0]
        eye = target + rng.uniform(*DISTANCE) * away
        camera = look_at(eye, target + 1e-9)  # upright; the hand may be turned about the line of sight
        nominal = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # picture upwards = away from the base, as at home
        upright = camera if tilt > 0.2 else nominal
        straight = _closest_turn(upright, nominal) @ rotation_matrix([0, 0, rng.uniform(-0.6, 0.6)])
        hand = straight @ wrist.rotation().T
        return eye - hand @ np.array(wrist.pos), hand

    return _reached(draw, count)


def held_sweep(count: int, rng: np.random.Generator) -> Array:
    """(count, 7) rad: joints at which a board in the gripper faces the left and the right camera in turn."""

    def draw() -> tuple[Array, Array]:
        side = 1 if rng.random() < 0.5 else -1
        yaw = np.radians(-90 + side * rng.uniform(*HELD_YAW))
        down = np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]])
        tilt = rotation_matrix(np.radians(rng.uniform(-HELD_TILT, HELD_TILT, 3)))
        hand = tilt @ rotation_matrix([0, 0, yaw]) @ np.diag([1.0, 1, 1]) @ down
        return HELD_AT + rng.uniform(-1, 1, 3) * HELD_SPREAD - hand @ HAND_TO_EE, hand

    return _reached(draw, count)

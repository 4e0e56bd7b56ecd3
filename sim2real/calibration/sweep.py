"""Arm poses for calibration: the wrist camera over a board on the table, and a board in the gripper before the table cameras."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from envs.cameras import CAMERA_SPECS
from envs.geometry import rotation_matrix, rotation_vector
from envs.ik import IK
from envs.robot import HOME_QPOS
from sim2real.calibration.board import Board

Array = NDArray[np.float64]
HAND_TO_EE = np.array([0.0, 0.0, 0.130324])  # m in the hand's frame: the fingertips (envs.robot's site `ee`)
TABLE_CENTRE = np.array([0.54, 0.0, 0.005])  # m, where the board lies, on a plate of 5 mm
DISTANCE = (0.26, 0.36)  # m from the wrist camera to the board
TILT, ROLL = 35.0, 35.0  # degrees from straight above, and about the line of sight, at most
HELD_AT = np.array([0.52, 0.0, 0.27])  # m, of the fingertips that hold the board
HELD_SPREAD = np.array([0.08, 0.14, 0.06])  # m, +-
HELD_YAW, HELD_PITCH = 80.0, (-5.0, 45.0)  # degrees by which the held board turns to one side or the other, and upwards
HELD_ROLL = 20.0  # degrees, +-, about its normal
GRIP = 0.02  # m of the board's edge between the fingers
FACING = 60.0  # degrees between the board's normal and the line of sight, at most
WIDE = 16 / 9  # of a whole picture
LOWEST = 0.03  # m above the table that a held board keeps
REACHED = (0.001, 0.01)  # m, rad: what inverse kinematics may miss a pose by
TRIES = 100  # poses drawn for each that is wanted


def board_on_table(board: Board) -> Array:
    """(4, 4) board_to_world: in the middle of the table, columns along -y, rows towards the robot."""
    pose = np.eye(4)
    pose[:3, :3] = np.array([[0.0, -1, 0], [-1, 0, 0], [0, 0, -1]])
    pose[:3, 3] = TABLE_CENTRE - pose[:3, :3] @ [board.size[0] / 2, board.size[1] / 2, 0.0]
    return pose


def board_in_hand(board: Board) -> Array:
    """(4, 4) board_to_hand: the fingers hold the middle of the upper edge, the printed side looks along the hand's +y."""
    pose = np.eye(4)
    pose[:3, :3] = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    pose[:3, 3] = HAND_TO_EE - [board.size[0] / 2, 0.0, GRIP]
    return pose


def table_sweep(board: Board, count: int, rng: np.random.Generator) -> Array:
    """(count, 7) rad: joints at which the wrist camera looks at the whole board on the table, from all around.

    Raises:
        ValueError: there are too few such poses.
    """
    wrist = next(c for c in CAMERA_SPECS if c.name == "wrist")
    up = (IK().pose(HOME_QPOS)[1] @ wrist.rotation())[:, 1]
    straight_down = rotation_matrix([0, 0, np.arctan2(-up[0], up[1])])  # of the camera, its picture upwards as at home
    on_table = board_on_table(board)

    def draw() -> tuple[Array, Array] | None:
        tilt, side, roll = np.radians(TILT) * np.sqrt(rng.random()), rng.uniform(-np.pi, np.pi), np.radians(rng.uniform(-ROLL, ROLL))
        camera = rotation_matrix([-tilt * np.sin(side), tilt * np.cos(side), 0]) @ straight_down @ rotation_matrix([0, 0, roll])
        eye = TABLE_CENTRE + rng.uniform(-0.03, 0.03, 3) * [1, 1, 0] + rng.uniform(*DISTANCE) * camera[:, 2]
        hand = camera @ wrist.rotation().T
        return (eye + hand @ (HAND_TO_EE - wrist.pos), hand) if _seen(board, on_table, eye, camera, wrist.fovy) else None

    return _reached(draw, count)


def held_sweep(board: Board, count: int, rng: np.random.Generator) -> Array:
    """(count, 7) rad: joints at which the left or the right camera sees the whole of a board in the gripper, in turn.

    Raises:
        ValueError: there are too few such poses.
    """
    straight_down = IK().pose(HOME_QPOS)[1]
    forwards = -np.arctan2(straight_down[1, 1], straight_down[0, 1])  # brings the hand's +y to the base's +x
    fixed = [c for c in CAMERA_SPECS if c.body == "world"]

    def draw() -> tuple[Array, Array] | None:
        yaw, pitch, roll = np.radians([rng.uniform(-HELD_YAW, HELD_YAW), rng.uniform(*HELD_PITCH), rng.uniform(-HELD_ROLL, HELD_ROLL)])
        turn = rotation_matrix([0, 0, yaw]) @ rotation_matrix([0, -pitch, 0]) @ rotation_matrix([roll, 0, 0])
        hand = turn @ rotation_matrix([0, 0, forwards]) @ straight_down
        tips = HELD_AT + rng.uniform(-1, 1, 3) * HELD_SPREAD
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = hand, tips - hand @ HAND_TO_EE
        at = pose @ board_in_hand(board)
        seen = any(_seen(board, at, np.array(c.pos), c.rotation(), c.fovy) for c in fixed)
        return (tips, hand) if seen and _outline(board, at)[:, 2].min() > LOWEST else None

    return _reached(draw, count)


def _outline(board: Board, at: Array) -> Array:
    """(4, 3) m: the board's corners in the base frame."""
    x, y = board.size
    return np.array([(0, 0, 0), (x, 0, 0), (x, y, 0), (0, y, 0)]) @ at[:3, :3].T + at[:3, 3]


def _seen(board: Board, at: Array, eye: Array, camera: Array, fovy: float) -> bool:
    """Whether a camera (rotation with MuJoCo's axes) sees the whole board from its printed side."""
    ray = eye - _outline(board, at).mean(0)
    if -at[:3, 2] @ ray < np.cos(np.radians(FACING)) * np.linalg.norm(ray):
        return False
    points = (_outline(board, at) - eye) @ camera
    high = np.tan(np.radians(fovy) / 2) * -points[:, 2]
    return bool((points[:, 2] < 0).all() and (abs(points[:, 1]) < high).all() and (abs(points[:, 0]) < WIDE * high).all())


def _reached(draw: Callable[[], tuple[Array, Array] | None], count: int) -> Array:
    """Joints for `count` drawn poses of the fingertips, position (3,) m and rotation (3, 3), that the arm can take."""
    ik, joints = IK(), []
    for _ in range(TRIES * count):
        drawn = draw()
        if drawn is None:
            continue
        found = ik.solve(HOME_QPOS, *drawn)
        at, turned = ik.pose(found)
        if np.linalg.norm(at - drawn[0]) < REACHED[0] and np.linalg.norm(rotation_vector(turned @ drawn[1].T)) < REACHED[1]:
            joints.append(found)
        if len(joints) == count:
            return np.array(joints)
    raise ValueError(f"the arm can show {len(joints)} of {count} poses to the cameras in {TRIES * count} tries; choose a smaller board")

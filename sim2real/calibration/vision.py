"""What is taken from OpenCV: the board's picture and its detection, and first guesses of lens, pose and hand-eye.

Camera frames here are OpenCV's: x right, y down, z forward; pixel (0, 0) is the middle of the first one.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.geometry import rotation_matrix

Array = NDArray[np.float64]
MARKERS = 100  # in the dictionary
_DICTIONARY = cv2.aruco.DICT_4X4_100  # few bits, large cells: found from far away


def board_picture(columns: int, rows: int, square: float, marker: float, square_px: int) -> NDArray[np.uint8]:
    """(rows * square_px, columns * square_px) uint8."""
    picture = _board(columns, rows, square, marker).generateImage((columns * square_px, rows * square_px), marginSize=0, borderBits=1)
    return np.asarray(picture, np.uint8)


def find_corners(image: NDArray[np.uint8], columns: int, rows: int, square: float, marker: float) -> tuple[NDArray[np.int64], Array]:
    """Ids (n,) and pixels (n, 2) of the inner corners that an RGB or grey picture shows; n may be 0."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image, np.uint8)
    detector = cv2.aruco.CharucoDetector(_board(columns, rows, square, marker))
    corners, ids, _, _ = detector.detectBoard(grey)
    if ids is None or corners is None:
        return np.zeros(0, np.int64), np.zeros((0, 2))
    ids, corners = np.asarray(ids, np.int64).ravel(), np.asarray(corners, np.float32).reshape(-1, 2)
    return ids, _refined(grey, corners, _least_distance(ids, corners, columns))


def lens(points: Sequence[Array], pixels: Sequence[Array], size: tuple[int, int]) -> tuple[Array, Array]:
    """First guess of a camera: its matrix (3, 3), without distortion, and its radial distortion (k1, k2) if it were allowed one.

    `points[i]` (n, 3) m on the board, `pixels[i]` (n, 2) of picture i; `size`: width, height. At least three pictures in
    which the board is tilted differently, or the focal length is not determined.
    """
    objects, images = [np.float32(p) for p in points], [np.float32(p) for p in pixels]
    straight = cv2.CALIB_FIX_K1 | cv2.CALIB_FIX_K2 | cv2.CALIB_FIX_K3 | cv2.CALIB_ZERO_TANGENT_DIST
    _, matrix, _, _, _ = cv2.calibrateCamera(objects, images, size, None, None, flags=straight)  # type: ignore[arg-type]
    bent = cv2.CALIB_FIX_K3 | cv2.CALIB_ZERO_TANGENT_DIST
    _, _, distortion, _, _ = cv2.calibrateCamera(objects, images, size, None, None, flags=bent)  # type: ignore[arg-type]
    return np.asarray(matrix, float), np.asarray(distortion, float).ravel()[:2]


def board_pose(points: Array, pixels: Array, matrix: Array) -> Array:
    """(4, 4) board_to_camera from one picture."""
    _, turn, shift = cv2.solvePnP(points, pixels, matrix, None, flags=cv2.SOLVEPNP_IPPE)  # type: ignore[arg-type]
    turn, shift = cv2.solvePnPRefineLM(points, pixels, matrix, None, turn, shift)  # type: ignore[arg-type]
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation_matrix(np.ravel(turn)), np.ravel(shift)
    return pose


def hand_eye(hand_to_base: Sequence[Array], board_to_camera: Sequence[Array]) -> Array:
    """(4, 4) camera_to_hand from pictures of a board that stands still in the base frame (Park and Martin 1994).

    A camera that stands still and looks at a board in the hand is the same problem with the inverse of `hand_to_base`.
    """
    turns = [m[:3, :3] for m in hand_to_base], [m[:3, :3] for m in board_to_camera]
    shifts = [m[:3, 3] for m in hand_to_base], [m[:3, 3] for m in board_to_camera]
    rotation, shift = cv2.calibrateHandEye(turns[0], shifts[0], turns[1], shifts[1], method=cv2.CALIB_HAND_EYE_PARK)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, np.ravel(shift)
    return pose


def _refined(grey: NDArray[np.uint8], corners: NDArray[np.float32], square_px: float) -> Array:
    """The corners (n, 2) once more, from a window that the markers, an eighth of a square away, do not reach into.

    OpenCV 4.11's CharucoDetector answers them half a pixel too far right and down (measured on drawn boards, mean 0.50 px).
    """
    reach = int(np.clip(square_px / 8 - 1, 2, 8))
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-4)
    refined = cv2.cornerSubPix(grey, (corners - 0.5)[:, None].copy(), (reach, reach), (-1, -1), stop)
    return np.asarray(refined, np.float64).reshape(-1, 2)


def _least_distance(ids: NDArray[np.int64], corners: NDArray[np.float32], columns: int) -> float:
    """Pixels between the two nearest corners that are neighbours on the board; 0 where none are."""
    at = dict(zip(ids.tolist(), corners, strict=True))
    inner = columns - 1
    pairs = [(i, j) for i in at for j in ((i + 1) if (i + 1) % inner else -1, i + inner) if j in at]
    return min((float(np.linalg.norm(at[i] - at[j])) for i, j in pairs), default=0.0)


def _board(columns: int, rows: int, square: float, marker: float) -> cv2.aruco.CharucoBoard:
    return cv2.aruco.CharucoBoard((columns, rows), square, marker, cv2.aruco.getPredefinedDictionary(_DICTIONARY))

"""Pictures of the board drawn by the exact homography of a known camera: truth without a renderer."""

from __future__ import annotations

import cv2
import numpy as np

from sim2real.calibration.board import Board
from sim2real.calibration.solve import Camera

SQUARE_PX = 60


def draw(board: Board, camera: Camera, board_to_camera: np.ndarray, noise: float = 0.0, rng: np.random.Generator | None = None) -> np.ndarray:
    """(h, w) uint8: the board before a grey wall."""
    texture = cv2.copyMakeBorder(board.picture(SQUARE_PX), 20, 20, 20, 20, cv2.BORDER_CONSTANT, value=(255,))
    scale = board.square / SQUARE_PX
    # Middle of texture pixel (u, v) -> board metres: ((u - 20 + 0.5) * scale, (v - 20 + 0.5) * scale).
    to_board = np.array([[scale, 0, (0.5 - 20) * scale], [0, scale, (0.5 - 20) * scale], [0, 0, 1]])
    homography = camera.matrix @ np.stack([board_to_camera[:3, 0], board_to_camera[:3, 1], board_to_camera[:3, 3]], 1) @ to_board
    big = np.diag([2.0, 2.0, 1.0])  # drawn twice as large and averaged: edges without steps
    big[:2, 2] = 0.5
    width, height = camera.size
    picture = cv2.warpPerspective(texture, big @ homography, (2 * width, 2 * height), flags=cv2.INTER_AREA, borderValue=(120,))
    picture = cv2.resize(picture, camera.size, interpolation=cv2.INTER_AREA)
    if rng is not None:
        picture = np.clip(picture + rng.normal(0, noise, picture.shape), 0, 255)
    return picture.astype(np.uint8)

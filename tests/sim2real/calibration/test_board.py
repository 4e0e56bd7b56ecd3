"""The board as it is printed and found again."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from envs.geometry import rotation_matrix
from experiments.errors import UsageError
from sim2real.calibration import vision
from sim2real.calibration.board import Board, print_page
from sim2real.calibration.solve import Camera
from tests.sim2real.calibration.drawn import draw

CAMERA = Camera("world", (1280, 720), np.array([514.0, 516.0]), np.array([645.0, 352.0]), np.eye(4))


def find(board, image):
    return vision.find_corners(image, board.columns, board.rows, board.square, board.marker)


@pytest.mark.parametrize("turn", [(0.4, 0.3, 0.2), (-0.5, 0.2, 1.5), (0.1, -0.6, -2.5)])
def test_corners_are_found_where_the_camera_sees_them(turn):
    board, pose = Board(), np.eye(4)
    pose[:3, :3] = rotation_matrix(turn)
    pose[:3, 3] = [0, 0, 0.6] - pose[:3, :3] @ [*np.divide(board.size, 2), 0]
    ids, pixels = find(board, draw(board, CAMERA, pose, 2.0, np.random.default_rng(0)))
    assert len(ids) == 24
    seen = board.corners()[ids] @ pose[:3, :3].T + pose[:3, 3]
    off = pixels - (CAMERA.focal * seen[:, :2] / seen[:, 2:] + CAMERA.centre)
    assert np.abs(off.mean(0)).max() < 0.05  # OpenCV's own detector is half a pixel off
    assert off.std() < 0.1


def test_a_picture_without_a_board_has_no_corners():
    ids, pixels = find(Board(), np.full((240, 320, 3), 128, np.uint8))
    assert (len(ids), pixels.shape) == (0, (0, 2))


@pytest.mark.parametrize("name", ["board.png", "board.pdf"])
def test_the_page_prints_at_true_size(tmp_path, name):
    assert print_page(Board(), tmp_path / name) == (297, 210)
    if name.endswith(".pdf"):
        assert b"/MediaBox [ 0 0 841.92 595.2 ]" in (tmp_path / name).read_bytes()  # points of 1/72 inch: A4
    else:
        page = Image.open(tmp_path / name)
        assert page.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        ids, pixels = find(Board(), np.asarray(page))
        step = pixels[ids == 1] - pixels[ids == 0]
        assert step[0] == pytest.approx([38 / 25.4 * 300, 0], abs=0.6)


@pytest.mark.parametrize(("board", "message"), [((2, 5, 0.04), "at least 3x3"), ((30, 20, 0.01), "at most 200 squares"), ((7, 5, 38.0), "of 5 to 500 mm")])
def test_a_board_that_cannot_be_is_refused(board, message):
    with pytest.raises(UsageError, match=message):
        Board(*board)


def test_a_board_larger_than_a3_and_a_file_of_another_kind_are_refused(tmp_path):
    with pytest.raises(UsageError, match="fits on no A3 page"):
        print_page(Board(11, 8, 0.05), tmp_path / "b.pdf")
    with pytest.raises(UsageError, match=r"ends in \.pdf or \.png"):
        print_page(Board(), tmp_path / "b.svg")

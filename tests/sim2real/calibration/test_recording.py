"""A twin shows a board, and the drivers that move the robot fill a folder with its cameras' pictures of it."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pytest

from envs.robot import HOME_QPOS
from sim2real.calibration import sweep, vision
from sim2real.calibration.board import Board
from sim2real.calibration.captures import CaptureFolder, hand_poses, read_captures
from sim2real.calibration.recording import FPS, BoardStage, record
from sim2real.calibration.synthetic import hidden_cameras
from sim2real.twin import Twin
from sim2real.twin.camera_process import Shot
from sim2real.zed import ZedCamera
from tests.sim2real.fakes import FakeArm

BOARD = Board()


@pytest.fixture(scope="module")
def hidden(tmp_path_factory):
    return hidden_cameras(tmp_path_factory.mktemp("calibration"), np.random.default_rng(0))


def projected(camera, joint_pos):
    """(n, 2) px: where a camera sees the corners of the board on the table."""
    at = sweep.board_on_table(BOARD)
    world = BOARD.corners() @ at[:3, :3].T + at[:3, 3]
    pose = camera.camera_to_body if camera.body == "world" else hand_poses([joint_pos])[0] @ camera.camera_to_body
    local = (world - pose[:3, 3]) @ pose[:3, :3]
    return camera.focal * local[:, :2] / local[:, 2:] + camera.centre


def test_a_twin_s_cameras_see_the_board_where_the_hidden_cameras_would_and_the_scene_again_afterwards(hidden):
    with Twin("close_drawer") as twin:
        camera = ZedCamera(twin.sl, "left", twin.serials["left"], FPS)
        camera.open()
        scene = camera.whole_picture(time.time())
        twin.show(partial(BoardStage, BOARD, hidden, "world"))
        ids, pixels = vision.find_corners(camera.whole_picture(time.time()), BOARD.columns, BOARD.rows, BOARD.square, BOARD.marker)
        with pytest.raises(ValueError, match="a picture of 426x240 of the board; expected 1280x720"):
            camera.grab()
        twin.show(None)
        again = camera.whole_picture(time.time())
        camera.close()
    assert len(ids) == 24
    np.testing.assert_allclose(pixels, projected(hidden["left"], HOME_QPOS)[ids], atol=0.5)
    assert scene.shape == (720, 1280, 3)
    assert np.abs(scene.astype(int) - again).mean() < 1


def test_the_wrist_camera_goes_with_the_joints_of_the_full_state(hidden):
    joints = sweep.table_sweep(BOARD, 1, np.random.default_rng(0))[0]
    stage = BoardStage(BOARD, hidden, "world")
    try:
        picture = stage.picture(Shot("wrist", 1280, 720, 1, np.r_[np.zeros(50), joints]))
    finally:
        stage.close()
    ids, pixels = vision.find_corners(picture, BOARD.columns, BOARD.rows, BOARD.square, BOARD.marker)
    assert len(ids) > 15  # it stands elsewhere than the sweep is made for
    np.testing.assert_allclose(pixels, projected(hidden["wrist"], joints)[ids], atol=0.5)


class GreyCamera:
    def whole_picture(self, since_s):
        assert abs(time.time() - since_s) < 5
        return np.full((720, 1280, 3), 128, np.uint8)


def test_each_pose_is_taken_by_the_cameras_that_see_the_board_with_the_joints_that_the_arm_tells(tmp_path):
    arm, placed = FakeArm(), []
    sweeps = {"world": np.array([HOME_QPOS, HOME_QPOS + 0.1]), "hand": np.array([HOME_QPOS - 0.1])}
    cameras: dict[str, GreyCamera] = dict.fromkeys(("left", "right", "wrist"), GreyCamera())
    record(CaptureFolder(tmp_path, BOARD), arm, cameras, sweeps, placed.append)
    taken = read_captures(tmp_path)
    assert placed == ["world", "hand"]
    assert [(c.camera, c.holder) for c in taken] == [*[(n, "world") for n in ("left", "right", "wrist", "wrist")], ("left", "hand"), ("right", "hand")]
    np.testing.assert_allclose(taken[3].joint_pos, HOME_QPOS + 0.1)
    np.testing.assert_allclose(taken[5].joint_pos, HOME_QPOS - 0.1)

"""From rendered pictures to simulated cameras, by the commands that a user types."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from envs.cameras import CAMERA_SPECS, calibrated
from envs.robot import HAND_BODY
from experiments.errors import UsageError
from sim2real.calibration import result, sweep
from sim2real.calibration.__main__ import main
from sim2real.calibration.board import Board
from sim2real.calibration.captures import CaptureFolder, read_captures
from sim2real.calibration.solve import Camera


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibration")
    assert main(["simulate", f"out={folder}", "poses=7", "seed=1"]) == 0
    assert main(["solve", f"captures={folder}"]) == 0
    return folder


def test_rendered_pictures_give_each_camera_within_2_mm_and_three_tenths_of_a_degree(folder):
    page = (folder / "report.html").read_text()
    lines = re.findall(r"<tr><td>(left|right|wrist)</td><td>([\d.]+)</td><td>([\d.]+)</td></tr>", page)
    assert [name for name, _, _ in lines] == ["left", "right", "wrist"]
    assert all(float(mm) < 2 and float(deg) < 0.3 for _, mm, deg in lines)


def test_the_simulated_cameras_become_the_true_ones(folder):
    truth = json.loads((folder / "truth.json").read_text())
    for camera in calibrated(folder / "calibration.json"):
        true = truth[camera.name]
        assert camera.lens
        assert np.linalg.norm(np.subtract(camera.pos, true["pos"])) < 0.002
        assert camera.lens.focal == pytest.approx(true["focal"], rel=0.005)
        assert camera.lens.centre == pytest.approx(true["centre"], abs=1)


def test_the_page_needs_no_other_file_and_shows_a_picture_of_each_camera(folder):
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert not re.findall(r"(?:src|href)='(?!data:)", page)


def test_pictures_are_not_mixed_with_those_of_another_session(folder, capsys):
    assert main(["simulate", f"out={folder}"]) == 2
    assert "holds pictures already" in capsys.readouterr().err
    with pytest.raises(UsageError, match="holds pictures of Board"):
        CaptureFolder(folder, Board(8, 6))


def test_a_wide_picture_is_cropped_at_its_sides_and_halved_like_its_pixels():
    camera = Camera("world", (1280, 720), np.array([510.0, 510.0]), np.array([639.5, 359.5]), np.eye(4))
    focal, centre = result.small_picture(camera)
    assert focal == pytest.approx([170, 170])
    assert centre == pytest.approx([159.5, 119.5])
    with pytest.raises(UsageError, match="narrower than 320:240"):
        result.small_picture(Camera("world", (480, 640), np.ones(2), np.ones(2), np.eye(4)))


def test_a_capture_comes_back_as_it_was_added(tmp_path):
    added = CaptureFolder(tmp_path, Board()).add("wrist", np.zeros((4, 6, 3), np.uint8), np.arange(7.0), "hand", "b")
    CaptureFolder(tmp_path, Board()).add("left", np.zeros((4, 6, 3), np.uint8), np.zeros(7))
    assert [c.image for c in read_captures(tmp_path)] == ["wrist_0000.png", "left_0001.png"]
    assert read_captures(tmp_path)[0] == added


def test_the_hand_frame_of_the_sweeps_is_the_robot_s():
    from envs.robot import EE_SITE, robot_spec

    site = robot_spec().site(EE_SITE)
    assert site.parent.name == HAND_BODY
    np.testing.assert_allclose(site.pos, sweep.HAND_TO_EE, atol=1e-6)
    assert {c.body for c in CAMERA_SPECS} == {"world", HAND_BODY}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["sove"], "unknown command 'sove'; did you mean 'solve'"),
        (["board", "square=30"], "'square=30' is no option; did you mean 'squares='"),
        (["board", "squares=7"], "squares=7; expected columns x rows"),
        (["poses", "poses=many"], "poses=many; expected a whole number"),
        (["solve", "captures=nowhere"], "nowhere holds no captures.jsonl"),
    ],
)
def test_a_mistaken_command_is_told_in_a_message(argv, message, capsys):
    assert main(argv) == 2
    assert message in capsys.readouterr().err


def test_a_broken_line_of_captures_is_named(tmp_path):
    CaptureFolder(tmp_path, Board())
    (tmp_path / "captures.jsonl").write_text('{"camera": "left"}\n')
    with pytest.raises(UsageError, match="line 1: not a capture"):
        read_captures(tmp_path)

"""Demonstrations by hand: what keys, a SpaceMouse and a file say, and that the dataset is the one that training reads."""

from __future__ import annotations

import os
import pty
import struct
import time

import numpy as np
import pytest

from envs.dataset import open_dataset
from envs.expert import act
from envs.geometry import matrix_from_rot6d
from envs.sim_env import SimEnv
from envs.types import Trial
from experiments.errors import UsageError
from policy.baselines import hold_action
from sim2real import teleop
from sim2real.teleop_sources import KEY_HOLDS_S, STEP, TURN, Keyboard, Nudge, SpaceMouse, file_actions, find_spacemouse


@pytest.fixture
def keys():
    ours, theirs = pty.openpty()
    keyboard = Keyboard(theirs)

    def typed(text):
        os.write(ours, text.encode())
        time.sleep(0.02)
        return keyboard.next()

    yield typed
    keyboard.close()
    os.close(ours)
    os.close(theirs)


def test_two_keys_at_once_move_both_ways(keys):
    nudge = keys("wr")
    np.testing.assert_allclose(nudge.move, [STEP, 0, STEP])
    np.testing.assert_allclose(nudge.turn, 0)


def test_a_key_let_go_of_ends_the_motion(keys):
    assert keys("q").turn[2] == TURN
    time.sleep(KEY_HOLDS_S)
    np.testing.assert_allclose(keys("").turn, 0)


def test_space_closes_and_opens_and_enter_keeps(keys):
    assert [keys(" ").grip, keys("").grip, keys(" ").grip] == [True, None, False]
    assert (keys("\r").end, keys("\x7f").keep) == (True, False)


def test_without_a_terminal_the_keyboard_says_what_else_there_is(tmp_path):
    with (tmp_path / "file").open("w") as file, pytest.raises(UsageError, match="source=FILE"):
        Keyboard(file.fileno())


@pytest.fixture
def mouse(tmp_path):
    path = str(tmp_path / "hidraw9")
    os.mkfifo(path)
    device = SpaceMouse(path)
    writer = os.open(path, os.O_WRONLY)

    def reports(*all_of_them):
        for report in all_of_them:
            os.write(writer, report)
            nudge = device.next()
        return nudge

    yield reports
    device.close()
    os.close(writer)


def test_the_cap_pushed_away_moves_the_hand_forward_and_pressed_down_moves_it_down(mouse):
    np.testing.assert_allclose(mouse(b"\x01" + struct.pack("<3h", 0, -350, 0)).move, [STEP, 0, 0])
    np.testing.assert_allclose(mouse(b"\x01" + struct.pack("<3h", 0, 0, 350)).move, [0, 0, -STEP])


def test_old_and_new_reports_turn_alike(mouse):
    old = mouse(b"\x02" + struct.pack("<3h", 0, 0, -350)).turn
    new = mouse(b"\x01" + struct.pack("<6h", 0, 0, 0, 0, 0, -350)).turn
    np.testing.assert_allclose(old, [0, 0, TURN])
    np.testing.assert_allclose(old, new)


def test_a_cap_at_rest_that_is_not_quite_at_zero_moves_nothing(mouse):
    np.testing.assert_allclose(mouse(b"\x01" + struct.pack("<3h", 10, -9, 4)).move, 0)


def test_the_left_button_grips_once_however_long_it_is_held(mouse):
    assert mouse(b"\x03\x01").grip is True
    assert mouse(b"\x03\x01").grip is None
    assert mouse(b"\x03\x00", b"\x03\x01").grip is False
    assert mouse(b"\x03\x02").end


def test_no_spacemouse_is_told(tmp_path):
    with pytest.raises(UsageError, match="no SpaceMouse"):
        find_spacemouse(tmp_path)


def test_a_nudge_adds_to_what_was_asked_and_keeps_a_rotation():
    target = np.r_[0.5, 0, 0.2, 1, 0, 0, 0, -1, 0, 0].astype(np.float32)
    made = teleop.nudged(target, Nudge(np.array([0.01, 0, 0]), np.array([0, 0, 0.1]), True))
    np.testing.assert_allclose(made[:3], [0.51, 0, 0.2], atol=1e-6)
    mat = matrix_from_rot6d(made[3:9])
    np.testing.assert_allclose(mat @ mat.T, np.eye(3), atol=1e-6)
    assert made[9] == 1


@pytest.mark.parametrize(("name", "content", "says"), [("a.txt", b"", "expected keyboard"), ("gone.npy", None, "no such file"), ("a.npy", np.zeros((3, 7)), r"\(3, 7\)")])
def test_a_file_without_actions_is_told(tmp_path, name, content, says):
    path = tmp_path / name
    if isinstance(content, np.ndarray):
        np.save(path, content)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=says):
        file_actions(path)


def test_recorded_actions_become_an_episode_of_the_dataset_that_training_reads(tmp_path):
    env = SimEnv("sort_toys", cameras=False)
    observation, _ = env.reset(options={"trial": Trial("sort_toys", 0, 0, "train")})
    actions = [hold_action(observation)]
    for _ in range(6):
        actions.append(act(env)[0])
        env.advance(actions[-1])
    np.save(tmp_path / "actions.npy", np.array(actions))
    argv = ["env=sort_toys", f"source={tmp_path / 'actions.npy'}", "sim=true", "split=train", f"out={tmp_path / 'data'}"]
    assert teleop.main(argv) == 0
    assert teleop.main(argv) == 0  # goes on in the next slot
    dataset = open_dataset(tmp_path / "data")
    columns = dataset.columns
    assert len(dataset) == 14
    np.testing.assert_array_equal(columns["episode_index"], [0] * 7 + [1] * 7)
    np.testing.assert_array_equal(columns["action"][:7], columns["action"][7:])
    assert columns["reasoning"][0].startswith("Put the")
    assert sum(1 for _ in dataset.frames(1, "wrist")) == 7


def test_a_wrong_source_is_told(capsys):
    assert teleop.main(["source=joystick"]) == 2
    assert "expected keyboard" in capsys.readouterr().err

"""A person asks in a terminal, tells the policy to act, watches, asks again."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from envs.types import CAMERAS, CONTROL_HZ, Inference, Trial
from experiments.chat import add_commands, main
from experiments.live import Live
from policy.conversation import Conversation

ROOT = Path(__file__).parents[2]


class Task:
    steps = (1, 2)


class Room:
    """A scene that turns brighter with every control step; a step of the task is done every 12, time is up after `limit`."""

    task, instruction = Task(), "Brighten up."

    def __init__(self, limit=1000):
        self.limit, self.told = limit, []

    def reset(self, options):
        self.trial, self.control_steps = options["trial"], 0
        return self.observe(), {}

    def observe(self):
        return {"pixels": {c: np.full((240, 320, 3), self.control_steps, np.uint8) for c in CAMERAS}}

    def render(self):
        return np.concatenate(list(self.observe()["pixels"].values()), 1)

    @property
    def steps_done(self):
        return min(2, self.control_steps // 12)

    @property
    def terminated(self):
        return self.steps_done == 2

    @property
    def truncated(self):
        return self.control_steps >= self.limit and not self.terminated

    def step_chunk(self, actions, on_step):
        for _ in actions:
            self.control_steps += 1
            on_step(self)
            if self.terminated or self.truncated:
                break
        return self.observe(), 0.0, self.terminated, self.truncated, {}


class Hand:
    """Says what it was told and how bright it sees the scene."""

    execute = 8

    def __init__(self, fails_at=None):
        self.fails_at, self.trials, self.told = fails_at, [], []

    def reset(self, trial):
        self.trials.append(trial.index)

    def infer(self, observation, instruction):
        self.told.append(instruction)
        if self.fails_at == len(self.told):
            raise KeyboardInterrupt
        return Inference(np.zeros((16, 10), np.float32), "Go on." if len(self.told) > 1 else "Begin.")

    def answer(self, images, question, camera="left", on_text=None):
        assert on_text is not None
        on_text(f"brightness {images[0, 0, 0]}")
        return ""


def talk(text, folder, room=None, hand=None):
    out = io.StringIO()
    hand = hand or Hand()
    live = Live(room or Room(), hand, Trial("sort_toys", 3), folder)
    chat = Conversation(hand, live, folder, source=io.StringIO(text), out=out)
    add_commands(chat, live)
    chat.run()
    return out.getvalue()


def test_it_acts_tells_what_happens_and_sees_the_new_scene_afterwards(tmp_path):
    assert talk("how bright?\n/act\nand now?\n", tmp_path).splitlines() == [
        "brightness 0", 'told: "Brighten up."', "  0.0 s  Begin.", "  0.5 s  Go on.", "  1.1 s  1 of 2 steps done",
        "  1.6 s  2 of 2 steps done", "  1.6 s  all done", f"video: {tmp_path}/videos/trial_0001.mp4",
        "(320x240 picture of camera left)", "brightness 24",
    ]  # fmt: skip
    assert (tmp_path / "videos" / "trial_0001.mp4").stat().st_size > 500


def test_it_is_told_the_persons_own_words(tmp_path):
    hand = Hand()
    talk("/act make it light\n", tmp_path, hand=hand)
    assert set(hand.told) == {"make it light"}


def test_time_runs_out(tmp_path):
    said = talk("/act\n/act\n", tmp_path, Room(limit=CONTROL_HZ))
    assert "  1.0 s  time is up" in said
    assert said.splitlines()[-1] == "time is up; /reset starts another scene"


def test_nothing_is_acted_when_all_is_done_until_a_reset(tmp_path):
    hand = Hand()
    said = talk("/act\n/act\n/reset\n/act\n/reset 9\n/reset x\n", tmp_path, hand=hand)
    assert "all steps are done; /reset starts another scene" in said
    assert said.count("all done") == 2
    assert hand.trials == [3, 4, 9]
    assert "/reset x: expected the number of a trial" in said
    assert len(list((tmp_path / "videos").iterdir())) == 2


def test_ctrl_c_stops_the_motion_and_the_scene_stays_as_it_is(tmp_path):
    said = talk("/act\nhow bright?\n", tmp_path, hand=Hand(fails_at=3))
    assert "stopped" in said
    assert said.endswith("brightness 16\n")
    assert "video: " in said


def test_all_cameras_are_saved(tmp_path):
    assert f"saved {tmp_path}/here" in talk("/act\n/save here\n", tmp_path)
    for camera in CAMERAS:
        assert int(np.asarray(Image.open(tmp_path / "here" / f"{camera}.png"))[0, 0, 0]) == 24


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["env=sort_toy"], "unknown env 'sort_toy'; did you mean 'sort_toys'?"), (["camera=rigth"], "did you mean 'right'?"), (["split=tset"], "did you mean 'test'?"),
     (["policy=zero"], "answers no questions"), (["seeds=3"], "did you mean 'seed='?")],
)  # fmt: skip
def test_a_mistake_in_the_command_is_told_without_a_traceback(arguments, said, capsys):
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


class Terminal:
    """A command on a pseudo-terminal of 100 columns."""

    def __init__(self, *arguments):
        self._mine, other = pty.openpty()
        environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
        environment.pop("NO_COLOR", None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=ROOT, stdin=other, stdout=other, stderr=other, env=environment, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that ^C typed here is a SIGINT there
        )
        os.close(other)
        self.seen = ""

    def type(self, text):
        os.write(self._mine, text.encode())

    def wait_for(self, pattern, timeout_s=180.0):
        """Reads until the pattern appears after what was matched before; returns everything up to its end."""
        end = time.monotonic() + timeout_s
        while not (found := re.search(pattern, self.seen)):
            assert time.monotonic() < end, f"no {pattern!r} in {self.seen[-2000:]!r}"
            if select.select([self._mine], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self._mine, 65536).decode(errors="replace")
                except OSError as error:  # the other end is closed
                    raise AssertionError(f"ended before {pattern!r}: {self.seen[-2000:]!r}") from error
        told, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return told

    def close(self):
        os.close(self._mine)
        self._process.kill()
        self._process.wait()

    def ended(self):
        return self._process.wait(30)


def test_in_a_terminal_one_looks_asks_acts_stops_and_asks_again(tmp_path):
    terminal = Terminal("experiments.chat", "env=sort_toys", "policy=chatvla_tiny", f"out={tmp_path}")
    try:
        assert "\u2580" in terminal.wait_for("left> "), "the picture is drawn"
        terminal.type("what is the gripper holding?\n")
        assert re.search(r"\n\w+", terminal.wait_for("left> "))
        terminal.type("/look wrist\n")
        assert "\u2580" in terminal.wait_for("wrist> ")
        terminal.type("/act\n")
        terminal.wait_for(r"told: ")
        assert re.search(r"0\.0 s  Put the \w+ \w+ into the (box|basket)\.", terminal.wait_for(r"1 of 4 steps done"))
        terminal.type("\x03")
        stopped = terminal.wait_for("wrist> ")
        assert "stopped" in stopped
        assert "video: " in stopped
        terminal.type("/save now\n")
        terminal.wait_for("saved .*now")
        terminal.type("/quit\n")
        assert terminal.ended() == 0
    finally:
        terminal.close()
    assert sorted(p.name for p in (tmp_path / "now").iterdir()) == ["left.png", "right.png", "wrist.png"]
    assert list((tmp_path / "videos").iterdir())


def test_in_a_terminal_pictures_are_talked_about_without_a_simulator(tmp_path):
    Image.fromarray(np.full((240, 320, 3), 90, np.uint8)).save(tmp_path / "grey.png")
    terminal = Terminal("policy.chat", f"image={tmp_path / 'grey.png'}")
    try:
        terminal.wait_for("left> ")
        terminal.type("is there a duck?\n")
        assert re.search(r"(yes|no)\r?\n", terminal.wait_for("left> "))
        terminal.type("\x04")
        assert terminal.ended() == 0
    finally:
        terminal.close()

"""Videos play, show three cameras with the words under them, and cost no trial when they fail."""

import errno

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from envs.types import Trial
from experiments.rollout import Provenance, rollout
from experiments.video import STRIP, VideoRecorder, caption, fitted, is_wanted
from policy.baselines import Zero
from tests.experiments.fakes import FakeEnv, Forward


def record(tmp_path, policy, video="all"):
    return rollout(FakeEnv(), policy, Trial("sort_toys", 0), [VideoRecorder(tmp_path, 0, video)], Provenance("p", "c"))


def test_a_trial_is_recorded_as_h264_at_true_speed(tmp_path):
    result = record(tmp_path, Forward())
    with av.open(str(tmp_path / result.video)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 960, 240 + STRIP)
        assert len(frames) / float(stream.average_rate or 0) == pytest.approx(result.seconds, abs=0.45)


def test_only_failures_are_kept_when_only_failures_are_wanted(tmp_path):
    assert record(tmp_path, Forward(), "failures").video is None
    assert not list((tmp_path / "videos").iterdir())
    assert record(tmp_path, Zero(), "failures").video == "videos/trial_0000.mp4"


@pytest.mark.parametrize(
    ("video", "outcome", "trial", "wanted"),
    [("all", "success", 9, True), ("none", "failure", 0, False), ("failures", "timeout", 9, True), ("failures", "success", 0, False), ("2", "success", 1, True), ("2", "failure", 2, False)],
)
def test_which_trials_are_recorded(video, outcome, trial, wanted):
    assert is_wanted(video, outcome, trial) is wanted


def test_the_words_are_written_under_the_frames_and_change_with_them():
    frames = np.zeros((240, 960, 3), np.uint8)
    duck = caption(frames, "Put the yellow duck into the box.", 1, 4, 2.0)
    frog = caption(frames, "Put the green frog into the box.", 1, 4, 2.0)
    assert duck.shape == (240 + STRIP, 960, 3)
    assert (duck[:240] == frog[:240]).all()
    assert (duck[240:] != frog[240:]).any()


def test_a_full_disk_costs_the_video_but_not_the_trial(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(av, "open", full)
    with pytest.warns(UserWarning, match="no video for trial_0000.mp4: .*No space left on device; the trial itself is kept"):
        result = record(tmp_path, Forward())
    assert (result.outcome, result.video) == ("success", None)


@pytest.mark.parametrize(("words", "size", "lines"), [(5, 22, 1), (30, 14, 2), (75, 11, 4), (500, 11, 4)])
def test_what_is_said_is_written_smaller_the_longer_it_is(words, size, lines):
    draw = ImageDraw.Draw(Image.new("RGB", (960, STRIP)))
    text = " ".join(["gripper"] * words)
    written, found = fitted(draw, text, 816)
    assert (found, written.count("\n") + 1) == (size, lines)
    assert (written.replace("\n", " ") == text) == (words < 500)
    assert written.endswith(" ...") == (words == 500)
    assert max(draw.textlength(line, ImageFont.load_default(size)) for line in written.removesuffix(" ...").split("\n")) <= 816

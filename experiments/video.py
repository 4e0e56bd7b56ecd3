"""A video per trial: three cameras side by side, and under them what the policy says and how far it got."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from envs.types import CAMERAS, CONTROL_HZ, IMAGE_SHAPE

EVERY = 3  # control steps per frame: 5 frames/s at true speed; rendering three cameras costs about 15 CPU ms a frame
STRIP = 56  # px, caption under the frames (even, as h264 asks)
SIZES = ((22, 1), (14, 3), (11, 4))  # px of what is said and its lines at most: a sentence is large, a chain of thoughts small
CORNER = 130  # px at the strip's right end, for steps and time
INK, PAPER, QUIET, DONE = (240, 240, 236), (24, 26, 30), (150, 154, 160), (94, 190, 130)
VIDEO_DIR = "videos"


def is_wanted(video: str, outcome: str, trial: int) -> bool:
    """Whether `video` = all | failures | none | N asks for the trial of this index."""
    if video in ("all", "none"):
        return video == "all"
    return outcome != "success" if video == "failures" else trial < int(video)


class VideoRecorder:
    """Records one trial as OUT/videos/trial_0007.mp4 (h264); a full disk costs the video, not the trial.

    `told`: what the policy says is written under the pictures.
    """

    def __init__(self, out: Path, trial: int, video: str, told: bool = True) -> None:
        self._video, self._trial, self._told = video, trial, told
        self._name = f"{VIDEO_DIR}/trial_{trial:04d}.mp4"
        self._path = out / self._name
        self._said, self._steps = "", 0
        self._on = is_wanted(video, "failure", trial)
        self._container: Any = None
        self._stream: Any = None

    def start(self, env: Any) -> None:
        """Nothing: the first frame shows what the policy says."""

    def say(self, env: Any, text: str) -> None:
        """What the policy says from now on; at the start also the first frame."""
        self._said = text if self._told else ""
        if self._container is None:
            self._frame(env)

    def execute(self, actions: NDArray[np.float32]) -> None:
        """Nothing."""

    def step(self, env: Any) -> None:
        """Called after each control step; renders every third, and the last."""
        self._steps += 1
        if self._steps % EVERY == 0 or env.terminated:
            self._frame(env)

    def end(self, outcome: str) -> Mapping[str, str]:
        """Finish the file, or remove it where it is not wanted; `{"video": its path relative to OUT}`."""
        try:
            if self._container is not None:
                for packet in self._stream.encode():
                    self._container.mux(packet)
                self._container.close()
        except (OSError, FFmpegError) as error:
            self._give_up(error)
        self._container = None
        if self._on and self._path.exists() and is_wanted(self._video, outcome, self._trial):
            return {"video": self._name}
        self._path.unlink(missing_ok=True)
        return {}

    def _frame(self, env: Any) -> None:
        if not self._on:
            return
        image = caption(env.render(), self._said, env.steps_done, len(env.task.steps), self._steps / CONTROL_HZ)
        try:
            if self._container is None:
                self._container = self._open(image)
            for packet in self._stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                self._container.mux(packet)
        except (OSError, FFmpegError) as error:
            self._give_up(error)

    def _open(self, image: NDArray[np.uint8]) -> Any:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        container = av.open(str(self._path), "w", options={"movflags": "faststart"})
        # One thread: workers share the cores. yuv420p: what every browser plays.
        self._stream = container.add_stream("libx264", Fraction(CONTROL_HZ, EVERY), options={"preset": "veryfast", "crf": "26", "threads": "1"})
        self._stream.height, self._stream.width = image.shape[:2]
        self._stream.pix_fmt = "yuv420p"
        return container

    def _give_up(self, error: Exception) -> None:
        warnings.warn(f"no video for {self._path.name}: {error}; the trial itself is kept", stacklevel=3)
        self._on, self._container = False, None


def caption(frames: NDArray[np.uint8], said: str, done: int, steps: int, seconds: float) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 frames with a strip of `STRIP` px under them: the reasoning, the steps done, the time."""
    height, width, _ = frames.shape
    image = Image.new("RGB", (width, height + STRIP), PAPER)
    image.paste(Image.fromarray(frames))
    draw = ImageDraw.Draw(image)
    small = ImageFont.load_default(14)
    text, size = fitted(draw, said or "(says nothing)", width - 14 - CORNER)
    draw.text((14, height + STRIP / 2), text, INK if said else QUIET, ImageFont.load_default(size), anchor="lm", spacing=1)
    draw.text((width - 14, height + 18), f"{done} of {steps} steps", DONE if done == steps else INK, small, anchor="rm")
    draw.text((width - 14, height + 38), f"{seconds:.1f} s", QUIET, small, anchor="rm")
    for i, name in enumerate(CAMERAS):
        draw.text((i * IMAGE_SHAPE[1] + 8, 6), name, INK, small, stroke_width=2, stroke_fill=PAPER)
    return np.asarray(image)


def fitted(draw: ImageDraw.ImageDraw, text: str, width: float) -> tuple[str, int]:
    """The text in lines of at most `width` px and its font's size: the largest of `SIZES` that holds it, else its beginning."""
    lines: list[str] = []
    for size, most in SIZES:
        font, lines = ImageFont.load_default(size), [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            if draw.textlength(longer, font) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        if len(lines) <= most:
            return "\n".join(lines), size
    size, most = SIZES[-1]
    return "\n".join([*lines[: most - 1], f"{lines[most - 1]} ..."]), size

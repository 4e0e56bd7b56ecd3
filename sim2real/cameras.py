"""The newest pictures of the three cameras, each with the time it was taken; a thread per camera, so that none waits for another."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from envs.types import CAMERAS
from sim2real.outcomes import CameraError

FIRST_FRAME_S = 5.0  # for a camera that was just opened
RETRY_S = 0.5  # between attempts to open a camera that is gone


@dataclass(frozen=True)
class Frame:
    """`rgb`: (240, 320, 3) uint8. `captured_s`: when it was taken, Unix time as the camera tells; `received_s`: when it came."""

    rgb: NDArray[np.uint8]
    captured_s: float
    received_s: float


class Camera(Protocol):
    """A source of frames."""

    def open(self) -> None:
        """Raises `CameraError` where it is not there."""
        ...

    def grab(self) -> Frame:
        """Wait for a frame that is newer than the last one. Raises `CameraError` where none comes."""
        ...

    def close(self) -> None:
        """Let go of the device; it can be opened again."""
        ...


class Cameras:
    """All cameras of the rig, by name.

    A camera that fails is opened again and again in its thread; meanwhile its last frame grows old, which is for the
    watchdog to judge. `threaded=False` is for a world that stands still between its steps: a frame is grabbed when it is
    first asked for after `expire`.
    """

    def __init__(self, cameras: Mapping[str, Camera], threaded: bool = True):
        if set(cameras) != set(CAMERAS):
            raise ValueError(f"cameras are {sorted(cameras)}, expected {list(CAMERAS)}")
        self._cameras, self._threaded = dict(cameras), threaded
        self._newest: dict[str, Frame] = {}
        self._trouble: dict[str, CameraError] = {}
        self._expired: tuple[str, ...] = CAMERAS
        self._closing = threading.Event()
        self._news = threading.Condition()
        self._threads = [threading.Thread(target=self._run, args=(name,), name=f"camera {name}", daemon=True) for name in cameras] if threaded else []
        if threaded:
            for thread in self._threads:
                thread.start()
        else:
            for name in cameras:
                self._reopen(name)

    def newest(self) -> dict[str, Frame]:
        """The last frame of each camera, in the order of `CAMERAS`.

        Raises:
            CameraError: one has not given any yet, or (where nobody else would find out) cannot be read.
        """
        if not self._threaded:
            for name in self._expired:
                self._take(name)
            self._expired = ()
            if self._trouble:
                raise next(iter(self._trouble.values()))
        with self._news:
            missing = [name for name in CAMERAS if name not in self._newest]
            if missing:
                raise self._trouble.get(missing[0]) or CameraError(f"camera {missing[0]} has given no picture yet")
            return {name: self._newest[name] for name in CAMERAS}

    def trouble(self) -> dict[str, CameraError]:
        """What is wrong with those that cannot be read now."""
        with self._news:
            return dict(self._trouble)

    def wait_ready(self, timeout_s: float = FIRST_FRAME_S) -> None:
        """Until each has given a frame and none is in trouble.

        Raises:
            CameraError: that takes too long.
        """
        if not self._threaded:
            for name in list(self._trouble):
                self._reopen(name)
            self.expire()
            if trouble := self.trouble():
                raise next(iter(trouble.values()))
            return
        with self._news:
            if not self._news.wait_for(lambda: len(self._newest) == len(CAMERAS) and not self._trouble, timeout_s):
                raise next(iter(self._trouble.values()), None) or CameraError(f"no picture of {sorted(set(CAMERAS) - set(self._newest))} within {timeout_s:g} s")

    def expire(self) -> None:
        """The world has moved: the next `newest` grabs anew."""
        self._expired = CAMERAS

    def forget(self) -> None:
        """Frames of before are not to be seen any more (the scene has changed)."""
        self.expire()
        with self._news:
            self._newest.clear()

    def close(self) -> None:
        """Stop the threads and let go of the devices."""
        self._closing.set()
        for thread in self._threads:
            thread.join(5)
        for camera in self._cameras.values():
            camera.close()

    def _run(self, name: str) -> None:
        self._reopen(name)
        while not self._closing.is_set():
            if name in self._trouble:
                self._closing.wait(RETRY_S)
                self._reopen(name)
            else:
                self._take(name)

    def _take(self, name: str) -> None:
        try:
            frame = self._cameras[name].grab()
        except CameraError as error:
            self._note(name, error)
            return
        with self._news:
            self._newest[name] = frame
            self._news.notify_all()

    def _reopen(self, name: str) -> None:
        try:
            self._cameras[name].close()
            self._cameras[name].open()
        except CameraError as error:
            self._note(name, error)
        else:
            with self._news:
                self._trouble.pop(name, None)
                self._news.notify_all()

    def _note(self, name: str, error: CameraError) -> None:
        with self._news:
            self._trouble[name] = error
            self._news.notify_all()


def skew_s(frames: Mapping[str, Frame]) -> float:
    """Time between the first and the last of these pictures."""
    times = [frame.captured_s for frame in frames.values()]
    return max(times) - min(times)


def ages_s(frames: Mapping[str, Frame], now_s: float | None = None) -> dict[str, float]:
    """How long ago each was taken."""
    now = time.time() if now_s is None else now_s
    return {name: now - frame.captured_s for name, frame in frames.items()}

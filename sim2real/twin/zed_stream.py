"""The frames of a twin's camera: of which millisecond each is, and its picture, drawn when somebody asks for it."""

from __future__ import annotations

import time
from multiprocessing.connection import Client
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.types import CAMERAS
from sim2real.twin import wire
from sim2real.twin.camera_process import OldShotError, Shot
from sim2real.twin.state_ring import StateRing, TwinState
from sim2real.twin.zed_card import SOCKET


class FrameStream:
    """An open camera's own. `state`: what the newest frame shows, None before the first; `stamp_ns`: Unix time when it was there;
    `dropped`: frames that were never taken, because a newer one was there. `size`: width, height in pixels.
    """

    def __init__(self, folder: Path, ring: StateRing, delay_ms: int, camera: str, size: tuple[int, int], fps: int):
        self.ring, self.size, self.fps = ring, size, fps
        self.state: TwinState | None = None
        self.stamp_ns, self.dropped = 0, 0
        self._delay_ms, self._number = delay_ms, CAMERAS.index(camera)
        self._pipe = Client(str(folder / SOCKET), "AF_UNIX")
        self._plugged = int(ring.header["unplugged"][self._number])
        self._index, self._gate = -1, -1
        self._frame: NDArray[np.uint8] | None = None

    @property
    def is_unplugged(self) -> bool:
        """Whether the cable has been pulled since the camera was opened."""
        return bool(self.ring.header["unplugged"][self._number] != self._plugged)

    def close(self) -> None:
        """End it."""
        self._pipe.close()

    def take(self) -> bool:
        """Whether a new frame has come; if so, it is the newest from now on."""
        ring = self.ring
        newest = ring.tick
        if newest < 0:
            return False
        header = ring.header
        late = int(header["late"][self._number])
        if header["held"] and ring.row(newest)["robot_mode"] == wire.MODE_MOVE:
            gate = int(header["gate"])
            if not header["at_gate"] or gate == self._gate:
                return False
            self._gate, shown = gate, newest - self._delay_ms
            time.sleep(late * 1e-3)
        else:
            index = (newest - self._delay_ms - late) * self.fps // 1000
            if index <= self._index:
                return False
            if self._index >= 0:
                self.dropped += index - self._index - 1
            self._index, shown = index, -(-index * 1000 // self.fps)
        if header["frozen"][self._number] and self.state is not None:
            return True  # the same frame again
        try:
            state, there = ring.read(max(shown, 0)), ring.read(shown + self._delay_ms)
        except LookupError:
            return False
        self.state, self.stamp_ns, self._frame = state, there.stamp_ns, None
        return True

    def picture(self, width: int, height: int) -> NDArray[np.uint8]:
        """(height, width, 3) uint8 RGB of what the newest frame shows, squeezed if it is not as wide as the stream's."""
        if self._frame is None or self._frame.shape[:2] != (height, width):
            true_width = round(height * self.size[0] / self.size[1])
            drawn = width if abs(width - true_width) <= 1 else true_width
            columns = ((np.arange(width) + 0.5) * drawn / width).astype(int)
            self._frame = self._drawn(drawn, height)[:, columns]
        return self._frame

    def _drawn(self, width: int, height: int) -> NDArray[np.uint8]:
        name = CAMERAS[int(self.ring.header["view"][self._number])]
        while True:
            assert self.state is not None
            self._pipe.send(Shot(name, width, height, self.state.episode, self.state.full_state))
            answer = self._pipe.recv()
            if isinstance(answer, OldShotError):
                self.state = self.ring.read()
            elif isinstance(answer, Exception):
                raise answer
            else:
                return answer

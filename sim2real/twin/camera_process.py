"""The process that is the cameras' optics: it draws what a camera saw, the trial's scene or another stage, for whoever asks.

Clients ask over a Unix socket in the twin's own folder; frames are drawn when they are retrieved, never before.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from envs.render import CameraRenderer
from envs.sim_env import SimEnv
from envs.types import Trial

NICENESS = 10  # below the arm's loop: a frame may be late, a millisecond not


@dataclass(frozen=True)
class CameraConfig:
    """What the process needs to know. `socket`: where it listens."""

    trial: Trial
    quality: str
    socket: Path


@dataclass(frozen=True)
class Shot:
    """A frame that is asked for: which camera's, how large, and the full state of the scene, of the n-th trial of the twin."""

    camera: str
    width: int
    height: int
    episode: int
    full_state: NDArray[np.float64] = field(repr=False)


class Stage(Protocol):
    """What the cameras see instead of the trial's scene, with the arm where it is."""

    def picture(self, shot: Shot) -> NDArray[np.uint8]:
        """(height, width, 3) uint8 RGB."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class OldShotError(LookupError):
    """Another trial has begun since the state was taken."""


def main(config: CameraConfig, pipe: Connection) -> None:
    """Serve frames until the pipe says "close" or breaks."""
    os.nice(NICENESS)
    os.environ.setdefault("LP_NUM_THREADS", "0")  # Mesa's rasteriser would take every core
    try:
        optics = Optics(config)
        door = socket.socket(socket.AF_UNIX)
        door.bind(str(config.socket))
        door.listen()
    except BaseException as error:
        pipe.send(error)
        return
    pipe.send(None)
    try:
        _serve(optics, door, pipe)
    except (KeyboardInterrupt, EOFError, OSError):
        pass
    finally:
        optics.close()
        door.close()


def _serve(optics: Optics, door: socket.socket, pipe: Connection) -> None:
    clients: list[Connection] = []
    waiting: list[tuple[Connection, Shot]] = []  # for the trial that the arm has begun and the optics not yet
    while True:
        for ready in wait([pipe, door, *clients]):
            if ready is pipe:
                request = pipe.recv()
                if request is None:
                    return
                name, argument = request
                pipe.send(_attempt(lambda name=name, argument=argument: optics.reset(*argument) if name == "reset" else optics.show(argument)))
                for client, shot in waiting:
                    client.send(_attempt(lambda shot=shot: optics.frame(shot)))
                waiting.clear()
            elif ready is door:
                clients.append(Connection(door.accept()[0].detach()))
            elif isinstance(ready, Connection):
                try:
                    shot = ready.recv()
                    if shot.episode > optics.episode:
                        waiting.append((ready, shot))
                    else:
                        ready.send(_attempt(lambda shot=shot: optics.frame(shot)))
                except (EOFError, OSError):
                    clients.remove(ready)


def _attempt(work: Callable[[], Any]) -> Any:
    """What it gives, or the error, to be raised on the other side."""
    try:
        return work()
    except Exception as error:
        return error


class Optics:
    """The scene of the present trial, to be drawn in any of its states. `episode`: its number among the twin's trials."""

    def __init__(self, config: CameraConfig):
        self._env = SimEnv(config.trial.env, config.quality, cameras=False)
        self._renderers: dict[tuple[int, int], CameraRenderer] = {}
        self._stage: Stage | None = None
        self.reset(config.trial, 1)

    def reset(self, trial: Trial, episode: int) -> None:
        """Draw another trial from now on."""
        self._env.reset(options={"trial": trial})
        self.episode = episode

    def show(self, make: Callable[[], Stage] | None) -> None:
        """Draw this stage from now on; None: the trial's scene."""
        if self._stage is not None:
            self._stage.close()
        self._stage = make() if make is not None else None

    def frame(self, shot: Shot) -> NDArray[np.uint8]:
        """(height, width, 3) uint8 RGB.

        Raises:
            OldShotError: the state is of a trial before.
        """
        if shot.episode < self.episode:
            raise OldShotError(f"the state is of trial {shot.episode} of this twin, now it is in trial {self.episode}")
        if self._stage is not None:
            return self._stage.picture(shot)
        self._env.set_full_state(shot.full_state)
        shape = (shot.height, shot.width)
        if shape not in self._renderers:
            self._renderers[shape] = CameraRenderer(self._env.quality, shape)
        return self._renderers[shape].frame(self._env.model, self._env.data, shot.camera)

    def close(self) -> None:
        """Free the OpenGL contexts."""
        self.show(None)
        for renderer in self._renderers.values():
            renderer.close()

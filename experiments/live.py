"""A running scene to talk about: its cameras to look through, and a policy that acts in it when it is told to."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from envs.types import CAMERAS, CONTROL_HZ, Trial
from experiments.video import VIDEO_DIR, VideoRecorder


class CtrlC:
    """Ctrl-C as a question asked between control steps, until it is closed.

    A KeyboardInterrupt that rises inside a callback from C (rendering, encoding) is printed and lost. Outside the main
    thread, where no handler can be set, nothing changes.
    """

    def __init__(self) -> None:
        self.pressed = False
        self._before = signal.signal(signal.SIGINT, self._press) if threading.current_thread() is threading.main_thread() else None

    def check(self) -> None:
        """Raise what Ctrl-C means.

        Raises:
            KeyboardInterrupt: it was pressed.
        """
        if self.pressed:
            raise KeyboardInterrupt

    def close(self) -> None:
        """Ctrl-C means again what it meant before."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _press(self, number: int, frame: Any) -> None:
        self.pressed = True


class Live:
    """One environment and what it shows now; `env` is a `SimEnv` or anything with its interface."""

    def __init__(self, env: Any, policy: Any, trial: Trial, folder: Path) -> None:
        self.env, self.policy, self.folder = env, policy, folder
        self.video: Path | None = None
        self._acts = len(list((folder / VIDEO_DIR).glob("*.mp4")))  # an earlier conversation's videos stay
        self.reset(trial)

    def reset(self, trial: Trial) -> None:
        """Start a trial."""
        self.trial = trial
        self._observation, _ = self.env.reset(options={"trial": trial})
        self.policy.reset(trial)

    def look(self, camera: str) -> NDArray[np.uint8]:
        """(240, 320, 3) uint8 RGB, now."""
        return self._observation["pixels"][camera]

    def save(self, folder: Path) -> Path:
        """All cameras as pictures, in a folder that `python -m policy.chat image=FOLDER` opens."""
        folder.mkdir(parents=True, exist_ok=True)
        for camera in CAMERAS:
            Image.fromarray(self.look(camera)).save(folder / f"{camera}.png")
        return folder

    def act(self, instruction: str) -> Iterator[str]:
        """Act until all steps are done or time is up; yields a line for each thing that is said or done.

        Whatever ends it (Ctrl-C too), the video is finished and the scene stays as it is, to be asked about.

        Raises:
            ValueError: nothing is left to be done, or no time.
        """
        self.video = None
        if self.env.terminated or self.env.truncated:
            raise ValueError(f"{'all steps are done' if self.env.terminated else 'time is up'}; /reset starts another scene")
        self._acts += 1
        recorder = VideoRecorder(self.folder, self._acts, "all")
        recorder.start(self.env)
        yield f'told: "{instruction}"'
        said, done, ctrl_c = "", self.env.steps_done, CtrlC()

        def step(env: Any) -> None:
            recorder.step(env)
            ctrl_c.check()

        try:
            while not (self.env.terminated or self.env.truncated):
                inference = self.policy.infer(self._observation, instruction)
                if inference.reasoning != said:
                    said = inference.reasoning
                    yield f"{self._time}  {said or '(says nothing)'}"
                recorder.say(self.env, said)
                chunk = inference.action_chunk[: self.policy.execute]
                self._observation, *_ = self.env.step_chunk(chunk, on_step=step)
                if self.env.steps_done > done:
                    done = self.env.steps_done
                    yield f"{self._time}  {done} of {len(self.env.task.steps)} steps done"
        finally:
            ctrl_c.close()
            self._observation = self.env.observe()
            kept = recorder.end("success" if self.env.terminated else "failure")
            self.video = self.folder / kept["video"] if kept else None
        yield f"{self._time}  {'all done' if self.env.terminated else 'time is up'}"

    @property
    def _time(self) -> str:
        return f"{self.env.control_steps / CONTROL_HZ:5.1f} s"

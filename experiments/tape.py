"""The tape of a trial: its full settled state, the actions that were executed, and where all joints were now and then.

OUT/states/trial_0007.npz, a few kB: enough to repeat the trial without its policy, on another version of the simulator.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MARKS = (0, 1, 15, 75, 300)  # control steps after the reset at which qpos is kept; and the last one
STATES_DIR = "states"


@dataclass(frozen=True)
class Tape:
    """`state`: (s,) float64, `SimEnv.full_state` after the reset; `actions`: (n, 10) float32; `qpos`: (m, nq) float64 at `marks`."""

    state: NDArray[np.float64]
    actions: NDArray[np.float32]
    marks: tuple[int, ...]
    qpos: NDArray[np.float64]


def read_tape(path: Path) -> Tape:
    """The tape of a file that `TapeRecorder` wrote."""
    with np.load(path) as file:
        return Tape(file["state"], file["actions"], tuple(int(k) for k in file["marks"]), file["qpos"])


class TapeRecorder:
    """Records the tape of one trial; a full disk costs the tape, not the trial."""

    def __init__(self, out: Path, trial: int) -> None:
        self._out, self._name = out, f"{STATES_DIR}/trial_{trial:04d}.npz"
        self._state: NDArray[np.float64] | None = None
        self._actions: list[NDArray[np.float32]] = []
        self._qpos: dict[int, NDArray[np.float64]] = {}
        self._last: tuple[int, Any] = (0, None)

    def start(self, env: Any) -> None:
        """The scene is settled."""
        self._state = env.full_state()
        self._qpos[0] = env.data.qpos.copy()

    def say(self, env: Any, text: str) -> None:
        """Nothing: the words are in the row."""

    def execute(self, actions: NDArray[np.float32]) -> None:
        """Actions (n, 10) that are executed next; fewer of them where the episode ends."""
        self._actions.append(np.asarray(actions, np.float32))

    def step(self, env: Any) -> None:
        """Called after each control step."""
        steps = self._last[0] + 1
        self._last = steps, env
        if steps in MARKS:
            self._qpos[steps] = env.data.qpos.copy()

    def end(self, outcome: str) -> Mapping[str, str]:
        """Write the file; `{"states": its path relative to OUT}`."""
        steps, env = self._last
        if self._state is None or env is None:
            return {}
        self._qpos[steps] = env.data.qpos.copy()
        marks = sorted(self._qpos)
        path = self._out / self._name
        temporary = path.with_suffix(".tmp.npz")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(
                temporary, state=self._state, actions=np.concatenate(self._actions)[:steps],
                marks=np.array(marks), qpos=np.array([self._qpos[k] for k in marks]),
            )  # fmt: skip
            os.replace(temporary, path)
        except OSError as error:
            warnings.warn(f"no tape for {path.name}: {error}; the trial itself is kept", stacklevel=2)
            temporary.unlink(missing_ok=True)
            return {}
        return {"states": self._name}

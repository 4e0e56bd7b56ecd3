"""Keeps the motion log of each trial beside its row: OUT/logs/trial_0007.parquet."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOG_DIR = "logs"


class LogRecorder:
    """Writes what `FrankaEnv` noted; a full disk costs the log, not the trial."""

    def __init__(self, out: Path, trial: int) -> None:
        self._out, self._name = out, f"{LOG_DIR}/trial_{trial:04d}.parquet"
        self._env: Any = None

    def start(self, env: Any) -> None:
        """The arm is ready to move."""
        self._env = env

    def say(self, env: Any, text: str) -> None:
        """Nothing: the words are in the row."""

    def execute(self, actions: NDArray[np.float32]) -> None:
        """Nothing: the env notes what it was asked."""

    def step(self, env: Any) -> None:
        """Nothing: see above."""

    def end(self, outcome: str) -> Mapping[str, str]:
        """Write the file; `{"log": its path relative to OUT}`."""
        if self._env is None:
            return {}
        try:
            self._env.log.save(self._out / self._name)
        except OSError as error:
            warnings.warn(f"no log {self._name}: {error}; the trial itself is kept", stacklevel=2)
            return {}
        return {"log": self._name}

"""How hard a simulated arm was pushed: where a real one would have stopped itself (a reflex), and what had been done until then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.types import CONTROL_HZ, PUSH_FORCE, PUSH_TORQUE
from experiments.results import Result
from experiments.scoring import Rate, rate


@dataclass(frozen=True)
class Reflexes:
    """In so many `trials` a real arm would have stopped itself; `avg_len` counts the steps of each until there."""

    trials: int
    avg_len: Rate


def reflexes(rows: Sequence[Result]) -> Reflexes | None:
    """Of the trials of one task or of several; None where any does not tell (a robot's, and rows that are older)."""
    pushes = [row.push for row in rows if row.push is not None]
    if len(pushes) < len(rows) or not rows:
        return None
    until = [push["steps_done"] for push in pushes]
    done = [(row.steps_done if steps is None else steps) / row.steps for row, steps in zip(rows, until, strict=True)]
    return Reflexes(sum(steps is not None for steps in until), rate(sum(done), len(done)))


def told(rows: Sequence[Result]) -> str:
    """The sentence of a report about its trials."""
    limit = f"stops itself when pushed with more than {PUSH_FORCE:g} N on the hand or {PUSH_TORQUE:g} Nm on a joint"
    if rows and rows[0].backend != "mujoco":
        return f"{limit}: it did in {sum(row.outcome == 'reflex' for row in rows)} of {len(rows)} trials"
    if (found := reflexes(rows)) is None:
        return f"{limit}; these trials do not tell how hard it was pushed"
    return f"{limit}, as in {found.trials} of {len(rows)} trials; counted until there, Avg. Len. is {found.avg_len.value:.2f} [{found.avg_len.low:.2f}-{found.avg_len.high:.2f}]"


class PushRecorder:
    """A recorder (`experiments.rollout.Recorder`) that adds `push` to the row; a robot's world, which stops itself, adds nothing."""

    def __init__(self) -> None:
        self._peak: float | None = None

    def start(self, env: Any) -> None:
        """The scene is settled."""
        self._steps, self._peak, self._reflex = 0, None, (None, None)

    def say(self, env: Any, text: str) -> None:
        """Not listened to."""

    def execute(self, actions: NDArray[np.float32]) -> None:
        """Not listened to."""

    def step(self, env: Any) -> None:
        """Look at the hardest push so far, after one control step."""
        if not hasattr(env, "pushed"):
            return
        self._steps += 1
        self._peak = peak = env.pushed.peak
        if peak > 1 and self._reflex == (None, None):
            self._reflex = self._steps / CONTROL_HZ, env.steps_done

    def end(self, outcome: str) -> Mapping[str, Any]:
        """`{"push": {"peak": of the limit, "reflex_s": when it first was beyond, "steps_done": until then}}`."""
        if self._peak is None or outcome in ("error", "invalid"):
            return {}
        reflex_s, steps_done = self._reflex
        return {"push": {"peak": round(self._peak, 3), "reflex_s": reflex_s and round(reflex_s, 3), "steps_done": steps_done}}

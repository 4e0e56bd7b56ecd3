"""An operator that is no person: the twin is its own stage hand and its own judge. For CI, and for runs over night."""

from __future__ import annotations

from typing import Any

from envs.types import Trial
from sim2real.operators import Setting, Verdict
from sim2real.twin import Twin


class ScriptedOperator:
    """Always there, never stops, and counts the steps that the twin knows to be done."""

    name = "scripted"

    def __init__(self, twin: Twin):
        self._twin = twin

    def prepare(self, setting: Setting) -> None:
        """The twin has laid out the scene already."""

    def steps_done(self, env: Any) -> int:
        """As the simulation's predicates say."""
        return self._twin.state().steps_done

    def dead_man_s(self) -> float:
        """Never let go."""
        return 0.0

    def stop_pressed(self) -> bool:
        """Never."""
        return False

    def given_up(self) -> bool:
        """Never."""
        return False

    def score(self, env: Any, outcome: str) -> Verdict:
        """What was counted while it went on."""
        return Verdict(env.steps_done)

    def prefer(self, trial: Trial) -> None:
        """It has no taste."""

    def close(self) -> None:
        """Nothing to let go of."""

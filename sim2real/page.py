"""A person as operator, at a page in a browser: lay out by overlay, arm by holding a key, stop, mark steps, score."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console

from envs.types import CONTROL_HZ, Trial
from sim2real.board import ARM_S, Board
from sim2real.operators import Setting, Verdict
from sim2real.outcomes import NotStarted, SessionEnded
from sim2real.page_server import PageServer

LOOK_S = 0.1  # between two live pictures while the scene is laid out


class PageOperator:
    """Waits for the person at every turn.

    `blind`: nothing shown may tell which policy plays.
    """

    name = "page"

    def __init__(self, port: int, blind: bool = False):
        self.board, self.blind = Board(), blind
        self.server = PageServer(self.board, port)
        self._given_up = False
        Console().print(f"operator's page: {self.server.url}", highlight=False)

    def prepare(self, setting: Setting) -> None:
        """Until the scene is said to be laid out and then the dead-man key is held.

        Raises:
            NotStarted: stop was pressed. SessionEnded: the operator wants to end.
        """
        self._given_up = False
        board = self.board
        board.put("wanted", setting.wanted)
        title = f"{setting.task.name} · trial {setting.trial.index}"
        board.show(phase="prepare", title=title, instruction=setting.instruction, rubric=setting.rubric, steps_done=0, seconds=0.0,
                   time_limit_s=setting.task.time_limit_s, held="", outcome="", said="")  # fmt: skip
        board.release()
        board.forget_pressed()
        self._wait_for(setting, lambda pressed: pressed == "ready")
        board.show(phase="arm")
        board.let_go()
        self._wait_for(setting, lambda _: board.held_for() >= ARM_S)
        board.show(phase="run")

    def steps_done(self, env: Any) -> int:
        """How many were marked so far; shows the newest pictures meanwhile."""
        board = self.board
        while (press := board.pressed()) is not None:
            if press[0] == "mark":
                board.show(steps_done=min(max(int(press[1]), 0), len(board.shown.rubric)))
            self._given_up |= press[0] == "give_up"
        board.put("live", env.seen())
        board.show(seconds=env.control_steps / CONTROL_HZ, held=env.executor.why if env.held else "")
        return board.shown.steps_done

    def dead_man_s(self) -> float:
        """s since the key was down."""
        return self.board.dead_man_s()

    def stop_pressed(self) -> bool:
        """Whether the stop button was pressed."""
        return self.board.stopped

    def given_up(self) -> bool:
        """Whether the trial is to end as it is."""
        return self._given_up

    def score(self, env: Any, outcome: str) -> Verdict:
        """Wait for how many steps are done, and a note."""
        board = self.board
        board.forget_pressed()
        board.show(phase="score", outcome=outcome, steps_done=env.steps_done, held="")
        value = self._next("score")
        board.show(phase="idle", steps_done=int(value["steps_done"]))
        return Verdict(int(value["steps_done"]), str(value.get("note", "")).strip())

    def prefer(self, trial: Trial) -> str | None:
        """Wait for which of the two did better."""
        self.board.show(phase="prefer")
        value = self._next("prefer")
        self.board.show(phase="idle")
        return str(value) if value in ("first", "second", "tie") else None

    def close(self) -> None:
        """The page goes away."""
        self.server.close()

    def _next(self, wanted: str) -> Any:
        while True:
            name, value = self.board.pressed(1.0) or ("", None)
            if name == wanted:
                return value
            if name == "quit":
                raise SessionEnded

    def _wait_for(self, setting: Setting, done: Any) -> None:
        """Show what the cameras see until `done(name of the button that was pressed)`."""
        while True:
            began = time.monotonic()
            self.board.put("live", setting.live())
            if self.board.stopped:
                raise NotStarted("the operator pressed stop before the trial began")
            name, _ = self.board.pressed(max(0.01, LOOK_S - (time.monotonic() - began))) or ("", None)
            if name == "quit":
                raise SessionEnded
            if done(name):
                return

"""Keeps watch over an episode: looks at the pictures, asks the watchdog, and stops the arm when the episode has to end."""

from __future__ import annotations

import contextlib
import threading
import time

from sim2real.arm import Vector
from sim2real.cameras import Frame, ages_s, skew_s
from sim2real.operators import Operator
from sim2real.outcomes import RobotError
from sim2real.rig import Rig
from sim2real.safety import SafetyLimits
from sim2real.watchdog import Signs, Verdict, judge

WATCH_S = 0.05  # between two looks while the policy thinks


class Watch:
    """The only way from the environment to a moving arm. In real time a thread looks, too, while the policy thinks.

    `frames`: the newest pictures. `ended`: what ended the episode, None as long as it goes on.
    """

    def __init__(self, rig: Rig, limits: SafetyLimits):
        self.rig, self.limits = rig, limits
        self.operator: Operator
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._running = threading.Event()
        self.forget()

    def forget(self) -> None:
        """A new episode: nothing has been seen, nothing has ended."""
        self.frames: dict[str, Frame] = {}
        self.ended: RobotError | None = None
        self._apart_since: float | None = None
        self._action_at = 0.0

    def start(self, joint_pos: Vector, operator: Operator) -> None:
        """The arm follows targets from now on, the first being `joint_pos` (7,) rad."""
        self.operator = operator
        self.rig.arm.start(joint_pos)
        self.rig.clock.start()
        self._apart_since = None
        self.acted()
        if self.rig.clock.real_time:
            self._running.set()
            self._thread = threading.Thread(target=self._watch_on, name="watchdog", daemon=True)
            self._thread.start()

    def follow(self, joint_pos: Vector) -> None:
        """The arm's next target, unless the episode has ended."""
        with self._lock:
            if self.ended is None:
                self.rig.arm.follow(joint_pos)

    def acted(self) -> None:
        """An action has come."""
        self._action_at = self.rig.clock.now()

    def look(self) -> None:
        """Take the newest pictures, and note since when they have been too far apart in time."""
        try:
            self.frames = self.rig.cameras.newest()
        except RobotError as error:
            if not self.frames:  # at the start there is nothing to go on with
                raise
            self.end(error)
        if skew_s(self.frames) <= self.limits.skew_s:
            self._apart_since = None
        elif self._apart_since is None:
            self._apart_since = self.rig.clock.now()

    def verdict(self) -> Verdict:
        """Whether the arm may go on."""
        if self.ended is not None:
            return Verdict("stop", self.ended)
        return judge(self._signs(), self.limits)

    def end(self, error: RobotError) -> None:
        """The episode is over; the arm stops, if it is not still already."""
        with self._lock:
            if self.ended is None:
                self.ended = error
                with contextlib.suppress(RobotError):  # it has stopped itself, or cannot be reached
                    self.rig.arm.stop()

    def stop(self) -> None:
        """The arm comes to rest; nobody watches any more."""
        self._running.clear()
        with self._lock, contextlib.suppress(RobotError):
            self.rig.arm.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)
            self._thread = None

    def _signs(self) -> Signs:
        now, real_time = self.rig.clock.now(), self.rig.clock.real_time
        if real_time:  # else new pictures come with the next observation only
            self.look()
        camera = min(self.frames, key=lambda name: self.frames[name].captured_s)
        return Signs(
            ages_s(self.frames)[camera] if real_time else 0.0, now - self._action_at, self.operator.dead_man_s(),
            now - self._apart_since if self._apart_since is not None else 0.0, camera, self.operator.stop_pressed(),
        )  # fmt: skip

    def _watch_on(self) -> None:
        while self._running.wait(0) and self.ended is None:
            verdict = self.verdict()
            if verdict.order == "stop" and verdict.why:
                self.end(verdict.why)
            time.sleep(WATCH_S)

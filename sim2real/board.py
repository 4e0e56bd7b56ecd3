"""What the operator's page and the session share: the phase they are in, pictures, what was pressed. Safe to use from many threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Phase = Literal["idle", "prepare", "arm", "run", "score", "prefer"]
Pictures = Mapping[str, NDArray[np.uint8]]
NEVER = -1e9
ARM_S = 0.5  # the dead-man key is held for so long before the arm may move


@dataclass(frozen=True)
class Shown:
    """What the page shows. `steps_done` of `rubric` are marked; `seconds` since the trial began; `held`: why the arm waits."""

    phase: Phase = "idle"
    title: str = ""
    instruction: str = ""
    rubric: tuple[str, ...] = ()
    steps_done: int = 0
    seconds: float = 0.0
    time_limit_s: float = 0.0
    held: str = ""
    outcome: str = ""
    said: str = ""


class Board:
    """One page's worth of state."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._shown = Shown()
        self._pressed: list[tuple[str, Any]] = []
        self._pictures: dict[str, Pictures] = {"live": {}, "wanted": {}}
        self._alive_at = self._since = NEVER
        self._stopped = False

    @property
    def shown(self) -> Shown:
        """What the page shows now."""
        with self._lock:
            return self._shown

    def show(self, **changes: Any) -> None:
        """Change some of what is shown."""
        with self._lock:
            self._shown = replace(self._shown, **changes)

    def state(self) -> dict[str, Any]:
        """All that the page asks for ten times a second."""
        with self._lock:
            return asdict(self._shown) | {"held_down": self._dead_man_s() < ARM_S, "stopped": self._stopped}

    def put(self, kind: Literal["live", "wanted"], pictures: Pictures) -> None:
        """New pictures."""
        with self._lock:
            self._pictures[kind] = dict(pictures)

    def picture(self, kind: str, camera: str) -> NDArray[np.uint8] | None:
        """The newest of a kind and camera."""
        with self._lock:
            return self._pictures.get(kind, {}).get(camera)

    # --- the operator's hand ---

    def alive(self) -> None:
        """The dead-man key is down at this moment."""
        with self._lock:
            now = time.monotonic()
            if now - self._alive_at > ARM_S:
                self._since = now
            self._alive_at = now
            self._lock.notify_all()

    def let_go(self) -> None:
        """The dead-man key was let go of just now."""
        with self._lock:
            self._alive_at = min(self._alive_at, time.monotonic() - ARM_S)

    def dead_man_s(self) -> float:
        """s since the key was last known to be down."""
        with self._lock:
            return self._dead_man_s()

    def held_for(self) -> float:
        """s for which the key has been down without a break; 0 if it is up."""
        with self._lock:
            return time.monotonic() - self._since if self._dead_man_s() < ARM_S else 0.0

    def _dead_man_s(self) -> float:
        return time.monotonic() - self._alive_at

    def stop(self) -> None:
        """The stop button; it stays pressed until `release`."""
        with self._lock:
            self._stopped = True
            self._lock.notify_all()

    def release(self) -> None:
        """A new trial begins."""
        with self._lock:
            self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether stop was pressed."""
        with self._lock:
            return self._stopped

    # --- buttons ---

    def press(self, name: str, value: Any = None) -> None:
        """A button was pressed on the page."""
        with self._lock:
            self._pressed.append((name, value))
            self._lock.notify_all()

    def pressed(self, timeout_s: float = 0.0) -> tuple[str, Any] | None:
        """The next button that was pressed, waiting for it so long; None if none was."""
        with self._lock:
            self._lock.wait_for(lambda: self._pressed, timeout_s)
            return self._pressed.pop(0) if self._pressed else None

    def forget_pressed(self) -> None:
        """What was pressed before counts no more."""
        with self._lock:
            self._pressed.clear()

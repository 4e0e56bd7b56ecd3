"""What the arm does while the policy thinks: nothing costs time, it waits, or it goes on with the chunk before.

`clock` says what thinking costs: `stepped` nothing, `real` what was measured, `200ms` always that much (reproducible).
With `asynchronous` the next chunk is computed from what was seen while the present one goes on; it then takes over at the
action that is due, blended over a few actions so that the target does not jump.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from envs.types import ACTION_GRIPPER, CONTROL_HZ

Actions = NDArray[np.float32]
BLEND = 3  # actions after the seam that are a mean of both chunks; the gripper is the new chunk's at once


def thinking_s(clock: str, measured_s: float) -> float:
    """Seconds that an inference of `measured_s` costs on `clock`.

    Raises:
        ValueError: no such clock.
    """
    if clock == "stepped":
        return 0.0
    if clock == "real":
        return measured_s
    return fixed_ms(clock) / 1000


def fixed_ms(clock: str) -> int:
    """The milliseconds of a clock such as `200ms`.

    Raises:
        ValueError: it is none.
    """
    found = re.fullmatch(r"(\d{1,5})ms", clock)
    if found is None:
        raise ValueError(f"unknown clock {clock!r}; expected stepped, real or milliseconds such as 200ms")
    return int(found[1])


@dataclass
class Pacing:
    """One trial's actions, put together chunk by chunk. `target` (10,): what the arm holds before the first chunk."""

    execute: int
    target: Actions
    asynchronous: bool = False
    _chunk: Actions | None = field(default=None, init=False)
    _done: int = field(default=0, init=False)  # actions of `_chunk` that were executed

    def actions(self, chunk: Actions, thought_s: float) -> Actions:
        """(k, 10): all that is executed from the moment the observation was taken until the next one is.

        `chunk` (n, 10) was predicted from that observation and came `thought_s` later.
        """
        late = math.ceil(round(thought_s * CONTROL_HZ, 6))
        if not self.asynchronous or self._chunk is None:
            made = np.concatenate([np.tile(self.target, (late, 1)), chunk[: self.execute]])
            self._chunk, self._done = chunk, self.execute
        else:
            before = self._continued(late + BLEND)
            after = blended(before[late:], chunk[late:] if late < len(chunk) else chunk[-1:])
            fresh = after[: max(self.execute - late, 1)]
            made = np.concatenate([before[:late], fresh])
            self._chunk, self._done = after, len(fresh)
        self.target = made[-1]
        return made

    def meanwhile(self, step: int) -> Actions:
        """(10,): what is executed in the n-th control step of an inference, counted from 0."""
        return self.target if self._chunk is None else self._continued(step + 1)[step]

    def _continued(self, count: int) -> Actions:
        """The next `count` actions of the present chunk; its last one again where it has ended."""
        assert self._chunk is not None
        rest = self._chunk[self._done : self._done + count]
        last = self._chunk[-1:] if self._done >= len(self._chunk) else self._chunk[self._done :][-1:]
        return np.concatenate([rest, np.repeat(last, count - len(rest), 0)])


def blended(before: Actions, after: Actions) -> Actions:
    """`after` (n, 10) whose first actions lead over from `before` (k, 10): weights 1/(k+1), 2/(k+1), ... of the new."""
    made = after.copy()
    for i in range(min(len(before), len(after))):
        weight = (i + 1) / (len(before) + 1)
        made[i] = (1 - weight) * before[i] + weight * after[i]
        made[i, ACTION_GRIPPER] = after[i, ACTION_GRIPPER]
    return made

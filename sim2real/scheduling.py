"""Keeps real-time scheduling to the threads that need it.

libfranka gives the thread that connects (as franky 2.0.0 brings it) or that moves the arm (0.9.2, panda-python) the highest real-time
priority, and leaves it so. In Python that is the main thread: its policy, and all threads that it starts later, would then run before everything else on
the machine, and beside the 1 kHz loop on equal terms.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Scheduling:
    """A policy of the kernel, such as `os.SCHED_FIFO`, and its priority."""

    policy: int
    priority: int

    @classmethod
    def now(cls) -> Scheduling:
        """The calling thread's."""
        return cls(os.sched_getscheduler(0), os.sched_getparam(0).sched_priority)

    def take(self) -> None:
        """Let the calling thread have it.

        Raises:
            PermissionError: the user may not.
        """
        os.sched_setscheduler(0, self.policy, os.sched_param(self.priority))


@contextlib.contextmanager
def borrowed(scheduling: Scheduling | None = None) -> Iterator[None]:
    """The calling thread has this one, or whatever it is given inside, until the block ends. Threads started inside keep it."""
    before = Scheduling.now()
    try:
        if scheduling is not None:
            scheduling.take()
        yield
    finally:
        before.take()


def urgent() -> None:
    """Let the calling thread run before all others but libfranka's; where the user may not, as it does."""
    with contextlib.suppress(PermissionError):
        Scheduling(os.SCHED_FIFO, os.sched_get_priority_max(os.SCHED_FIFO) - 1).take()

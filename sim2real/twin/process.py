"""One of the twin's processes, asked over a pipe: each request has one answer, or the error that is raised here."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from threading import Lock
from typing import Any

ANSWER_S = 180.0  # to be ready, or to answer; importing takes that long where a dozen others share the core


class TwinError(RuntimeError):
    """The twin cannot do what it was asked for, or one of its processes is gone."""


class Process:
    """Runs `target(config, pipe)`, which tells over the pipe when it is ready and then answers requests. Safe to use from many threads."""

    def __init__(self, target: Callable[[Any, Connection], None], config: Any):
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=target, args=(config, theirs), daemon=True, name=target.__module__)
        self._process.start()
        theirs.close()
        self._lock = Lock()

    def ready(self) -> Any:
        """What the process tells first; waits for it."""
        return self._answer()

    def ask(self, request: Any) -> Any:
        """The answer to a request.

        Raises:
            TwinError: the process has ended, or does not answer. What went wrong in the process is raised here, too.
        """
        with self._lock:
            try:
                self._pipe.send(request)
            except OSError:
                raise TwinError("the twin is closed, or its process has ended") from None
            return self._answer()

    def check_alive(self) -> None:
        """Raises:
        TwinError: the process has ended.
        """
        if not self._process.is_alive():
            raise self._ended()

    def bid_farewell(self, farewell: Any) -> None:
        """Ask the process to end; it answers no more."""
        with suppress(OSError):
            self._pipe.send(farewell)

    def close(self) -> None:
        """Wait until it has ended, or make it."""
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
        self._pipe.close()

    def _answer(self) -> Any:
        end = time.monotonic() + ANSWER_S
        while not self._pipe.poll(0.1):
            self.check_alive()
            if time.monotonic() > end:
                raise TwinError(f"{self._process.name} does not answer (waited {ANSWER_S:.0f} s)")
        try:
            answer = self._pipe.recv()
        except EOFError:
            raise self._ended() from None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _ended(self) -> TwinError:
        return TwinError(f"{self._process.name} has ended with code {self._process.exitcode}")

"""Inferences of several clients in one pass: whatever waits when the last pass ends, without waiting for more."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from envs.types import Inference, Observation, Policy


@dataclass(frozen=True)
class Asked:
    """What a client wants acted upon."""

    observation: Observation
    instruction: str


@dataclass(frozen=True)
class _Waiting:
    policy: Policy
    asked: Asked
    answer: asyncio.Future[tuple[Inference, float]]


class Batcher:
    """At most `max_batch` inferences in a pass, passes one after the other.

    Policies without `infer_together` (see `policy.inference`) take one at a time. A request that fails in a batch is
    made again alone, so that a client's mistake is told to that client only.
    """

    def __init__(self, max_batch: int = 1) -> None:
        self.max_batch = max_batch
        self.largest = 0  # inferences in a pass so far
        self._waiting: deque[_Waiting] = deque()
        self._passes: asyncio.Task[None] | None = None

    async def infer(self, policy: Policy, asked: Asked) -> tuple[Inference, float]:
        """The inference and the seconds of its pass; raises what the policy raises."""
        waiting = _Waiting(policy, asked, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._passes is None or self._passes.done():
            self._passes = asyncio.create_task(self._run())
        return await waiting.answer

    async def _run(self) -> None:
        while self._waiting:
            limit = self.max_batch if hasattr(self._waiting[0].policy, "infer_together") else 1
            batch = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
            self.largest = max(self.largest, len(batch))
            try:
                await self._pass(batch)
            except Exception as error:
                if len(batch) == 1:
                    _tell(batch[0], error)
                else:
                    await self._alone(batch)

    async def _alone(self, batch: Sequence[_Waiting]) -> None:
        for waiting in batch:
            try:
                await self._pass([waiting])
            except Exception as error:
                _tell(waiting, error)

    async def _pass(self, batch: Sequence[_Waiting]) -> None:
        began = time.perf_counter()
        inferences = await asyncio.to_thread(_infer, batch)
        seconds = time.perf_counter() - began
        for waiting, inference in zip(batch, inferences, strict=True):
            if not waiting.answer.done():  # its client may be gone
                waiting.answer.set_result((inference, seconds))


def _infer(batch: Sequence[_Waiting]) -> list[Inference]:
    first = batch[0]
    if len(batch) == 1:
        return [first.policy.infer(first.asked.observation, first.asked.instruction)]
    together = first.policy.infer_together  # type: ignore[attr-defined]
    return together([w.policy for w in batch], [w.asked.observation for w in batch], [w.asked.instruction for w in batch])


def _tell(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)

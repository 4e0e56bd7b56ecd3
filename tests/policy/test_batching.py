"""Several clients in one pass: everyone gets his own answer, and only his own errors."""

import asyncio
import threading
from typing import Any

import numpy as np
import pytest

from envs.types import Inference
from policy.batching import Asked, Batcher


class Counting:
    """Answers with its number; the first pass waits for `go`, so that others queue up."""

    name, execute = "counting", 8

    def __init__(self, number: int, go: threading.Event) -> None:
        self.number, self.go = number, go

    def infer(self, observation, instruction):
        self.go.wait(10)
        if instruction == "fail":
            raise ValueError("no")
        return Inference(np.full((16, 10), self.number, np.float32))


class Together(Counting):
    def infer_together(self, policies, observations, instructions):
        if "fail" in instructions:
            raise ValueError("no")
        return [Inference(np.full((16, 10), p.number, np.float32), "together") for p in policies]


def ask(kind, count, max_batch, failing=()) -> Any:
    """Answers (number, reasoning) or errors of `count` clients that ask at once, and the largest pass."""
    go, batcher = threading.Event(), Batcher(max_batch)

    async def run():
        tasks = []
        for number in range(count):
            asked = Asked({}, "fail" if number in failing else "go")  # type: ignore[arg-type]
            tasks.append(asyncio.create_task(batcher.infer(kind(number, go), asked)))
            await asyncio.sleep(0.01)
        go.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(run())
    told = [a if isinstance(a, BaseException) else (int(a[0].action_chunk[0, 0]), a[0].reasoning) for a in answers]
    return told, batcher.largest


def test_whoever_waits_shares_the_next_pass():
    told, largest = ask(Together, 4, 8)
    assert told == [(0, ""), (1, "together"), (2, "together"), (3, "together")]
    assert largest == 3


@pytest.mark.parametrize(("kind", "max_batch", "largest"), [(Together, 2, 2), (Together, 1, 1), (Counting, 8, 1)])
def test_a_pass_has_no_more_than_it_may(kind, max_batch, largest):
    told, seen = ask(kind, 4, max_batch)
    assert [number for number, _ in told] == [0, 1, 2, 3]
    assert seen == largest


def test_a_mistake_is_told_to_who_made_it():
    told, _ = ask(Together, 4, 8, failing=(2,))
    assert [t[0] for i, t in enumerate(told) if i != 2] == [0, 1, 3]
    assert isinstance(told[2], ValueError)

"""Latency by part."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np

from envs.types import Inference, Trial
from experiments.benchmarks import inference_speed as speed


class Slow:
    """Takes 5 ms, and says that 2 of them were the head."""

    name, execute = "slow", 8

    def reset(self, trial):
        self.inferences = 0

    def infer(self, observation, instruction):
        time.sleep(0.005)
        self.inferences += 1
        return Inference(np.zeros((16, 10), np.float32), seconds={"head": 0.002})


class Still:
    """An environment that notes how many actions it is given."""

    instruction = "Sort toys."

    def __init__(self):
        self.executed = []

    def reset(self, options):
        return SimpleNamespace(), {}

    def step_chunk(self, actions):
        self.executed.append(len(actions))
        return SimpleNamespace(), 0.0, False, False, {}


def test_each_part_is_measured_in_the_loop_that_executes_the_chunks():
    env, policy = Still(), Slow()
    cost = speed.measure(policy, env, Trial("sort_toys", 0), chunks=3)  # type: ignore[arg-type]
    assert policy.inferences == 3 + speed.WARM_UP
    assert env.executed == [8] * policy.inferences
    assert len(cost[speed.TOTAL]) == 3
    assert min(cost[speed.TOTAL]) >= 5
    assert cost["head"] == [2.0, 2.0, 2.0]


def test_percentiles_are_those_of_the_measured_inferences():
    assert speed.percentiles({"a": [1.0, 2.0, 9.0]})["a"] == {
        "p50": 2.0,
        "p95": np.percentile([1, 2, 9], 95),
        "max": 9.0,
    }
    assert speed.show(speed.percentiles({"a": [1.0]}), "t", 533.0).row_count == 1

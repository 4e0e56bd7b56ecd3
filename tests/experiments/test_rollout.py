"""One trial becomes one row, whatever happens in it."""

import time

import numpy as np
import pytest

from envs.types import Inference, Trial
from experiments.rollout import Provenance, rollout
from policy.baselines import Zero
from tests.experiments.fakes import Crashing, FakeEnv, Forward

PROVENANCE = Provenance("forward", "abc", versions={"mujoco": "4.0.0"})


def play(policy, index=0, clock="stepped"):
    return rollout(FakeEnv(), policy, Trial("sort_toys", index), [], Provenance("forward", "abc", clock=clock))


def test_a_success_carries_its_steps_and_their_times():
    result = play(Forward())
    assert (result.outcome, result.success, result.steps_done, result.steps, result.progress) == ("success", True, 4, 4, 1.0)
    assert len(result.step_done_s) == 4
    assert result.seconds == result.step_done_s[-1]
    assert result.reasoning == ((0.0, "Put the yellow duck into the box."),)
    assert result.infer_ms_p50 is not None
    assert result.layout["start"] == pytest.approx(0.4, abs=0.03)


def test_holding_still_is_a_timeout_without_a_step():
    result = play(Zero())
    assert (result.outcome, result.steps_done, result.seconds) == ("timeout", 0, 4.0)


def test_a_crash_is_an_error_row_that_says_where():
    result = play(Crashing(), 1)
    assert result.outcome == "error"
    assert not result.counted
    assert "RuntimeError: the network caught fire (fakes.py" in str(result.error)


def test_ctrl_c_is_no_error_row():
    class Interrupted(Forward):
        def infer(self, observation, instruction):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(Interrupted())


def test_a_chunk_of_the_wrong_shape_is_an_error_row():
    class Flat(Forward):
        def infer(self, observation, instruction):
            return Inference(np.zeros(10, np.float32))

    assert "forward answered a chunk of shape (10,), expected (n, 10)" in str(play(Flat()).error)


class Slow(Forward):
    def infer(self, observation, instruction):
        time.sleep(0.1)
        return super().infer(observation, instruction)


def test_on_the_real_clock_thinking_costs_control_steps():
    stepped, real = play(Slow()), play(Slow(), clock="real")
    # 0.1 s are at least two control steps. Held still during the first inference; later ones hold a target still ahead.
    assert real.seconds >= stepped.seconds + 2 / 15 - 1e-3
    assert real.clock == "real"


def test_the_same_trial_ends_in_the_same_state():
    first, second = play(Forward()), play(Forward())
    assert (first.state_hash, first.reset_hash) == (second.state_hash, second.reset_hash)

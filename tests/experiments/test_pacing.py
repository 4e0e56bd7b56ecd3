"""What is executed while a policy thinks: nothing lost, nothing early, no jump at the seam."""

import time

import numpy as np
import pytest

from envs.types import ACTION_GRIPPER, HORIZON, Inference, Trial
from experiments.pacing import BLEND, Pacing, blended, thinking_s
from experiments.rollout import Provenance, rollout
from policy.baselines import hold_action
from tests.experiments.fakes import SPEED, FakeEnv, Forward

EXECUTE = 8
TICK = 1 / 15


def numbered(start: int, length: int = HORIZON) -> np.ndarray:
    """A chunk whose action k is all start + k."""
    return np.repeat(np.arange(start, start + length, dtype=np.float32)[:, None], 10, 1)


def pacing(asynchronous: bool) -> Pacing:
    return Pacing(EXECUTE, np.full(10, -1, np.float32), asynchronous)


def firsts(actions: np.ndarray) -> list[float]:
    return actions[:, 0].tolist()


@pytest.mark.parametrize(("clock", "seconds"), [("stepped", 0.0), ("real", 0.7), ("200ms", 0.2)])
def test_a_clock_says_what_thinking_costs(clock, seconds):
    assert thinking_s(clock, 0.7) == seconds


def test_no_other_clock_is_known():
    with pytest.raises(ValueError, match="unknown clock '2s'; expected stepped, real or milliseconds such as 200ms"):
        thinking_s("2s", 0.7)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_where_thinking_costs_nothing_chunks_follow_each_other(asynchronous):
    paced = pacing(asynchronous)
    assert firsts(paced.actions(numbered(0), 0.0)) == list(range(8))
    assert firsts(paced.actions(numbered(8), 0.0)) == list(range(8, 16))


def test_in_turn_the_arm_holds_the_last_target_while_it_thinks():
    paced = pacing(asynchronous=False)
    assert firsts(paced.actions(numbered(0), 2 * TICK)) == [-1, -1, *range(8)]
    assert firsts(paced.actions(numbered(100), 0.5 * TICK)) == [7, *range(100, 108)]


def test_at_once_the_old_chunk_goes_on_and_the_new_one_starts_where_it_is_due():
    paced = pacing(asynchronous=True)
    assert firsts(paced.actions(numbered(0), TICK)) == [-1, *range(8)]  # nothing to go on with yet
    # Seen after action 7, three steps of thinking: 8, 9, 10 of the old, then the new from its fourth action; both agree.
    assert firsts(paced.actions(numbered(8), 3 * TICK)) == list(range(8, 16))
    assert firsts(paced.actions(numbered(16), 3 * TICK)) == list(range(16, 24))


def test_the_seam_is_no_jump():
    paced = pacing(asynchronous=True)
    paced.actions(numbered(0), 0.0)
    made = firsts(paced.actions(numbered(108), 2 * TICK))
    assert made[:2] == [8, 9]
    assert made[2:5] == [10 + 25, 11 + 50, 12 + 75]
    assert made[5:] == [113, 114, 115]


def test_thinking_longer_than_a_chunk_lasts_repeats_its_last_action():
    paced = pacing(asynchronous=True)
    paced.actions(numbered(0), 0.0)
    made = firsts(paced.actions(numbered(100), 20 * TICK))
    assert made[:20] == [*range(8, 16), *[15] * 12]
    assert len(made) == 21
    assert made[20] > 15  # the newest that the late chunk has


def test_the_gripper_is_not_blended():
    before, after = np.zeros((BLEND, 10), np.float32), np.ones((5, 10), np.float32)
    assert blended(before, after)[:, ACTION_GRIPPER].tolist() == [[1.0]] * 5
    assert blended(before, after)[0, 0] == pytest.approx(1 / (BLEND + 1))


class Stepwise(Forward):
    """Its targets are no further ahead than the arm gets in the time."""

    def infer(self, observation, instruction):
        chunk = np.tile(hold_action(observation), (HORIZON, 1))
        chunk[:, 0] += SPEED * np.arange(1, HORIZON + 1)
        return Inference(chunk)


@pytest.mark.parametrize("clock", ["200ms", "500ms"])
def test_not_waiting_gets_further_in_the_same_time(clock):
    def progress(execution):
        row = rollout(FakeEnv(), Stepwise(), Trial("sort_toys", 0), [], Provenance("forward", "abc", clock=clock, execution=execution))
        assert (row.clock, row.execution) == (clock, execution)
        return row.steps_done, -row.seconds

    assert progress("async") > progress("sync")


def test_a_fixed_clock_makes_the_same_trial_twice():
    def state():
        return rollout(FakeEnv(), Forward(), Trial("sort_toys", 0), [], Provenance("forward", "abc", clock="200ms", execution="async")).state_hash

    assert state() == state()


def test_pacing_starts_anew_with_each_trial():
    first, second = pacing(True), pacing(True)
    first.actions(numbered(0), 0.0)
    assert firsts(second.actions(numbered(50), TICK))[0] == -1


def test_what_goes_on_meanwhile_is_what_the_actions_say_afterwards():
    paced, told = pacing(asynchronous=True), pacing(asynchronous=True)
    assert firsts(np.array([paced.meanwhile(k) for k in range(3)])) == [-1] * 3
    for one in (paced, told):
        one.actions(numbered(0), 0.0)
    meanwhile = [paced.meanwhile(k) for k in range(10)]
    np.testing.assert_array_equal(meanwhile, told.actions(numbered(8), 10 * TICK)[:10])


class Clocked(FakeEnv):
    """Time passes by itself, as on a robot: a control step takes 5 ms."""

    real_time = True

    def step_chunk(self, actions, on_step=None):
        time.sleep(0.005 * len(actions))
        return super().step_chunk(actions, on_step)


class Pondering(Forward):
    """Thinks until two control steps have passed or the trial has ended, `seconds` at most, and notes how many did."""

    def __init__(self, env, seconds):
        self.env, self.seconds, self.passed = env, seconds, []

    def infer(self, observation, instruction):
        before, end = self.env.count, time.monotonic() + self.seconds
        while self.env.count < before + 2 and not self.env.terminated and time.monotonic() < end:
            time.sleep(0.001)
        self.passed.append(self.env.count - before)
        return super().infer(observation, instruction)


@pytest.mark.parametrize("execution", ["sync", "async"])
def test_where_time_passes_by_itself_the_arm_goes_on_only_if_it_shall(execution):
    env = Clocked()
    policy = Pondering(env, seconds=0.05 if execution == "sync" else 30)
    told = Executed()
    row = rollout(env, policy, Trial("sort_toys", 0), [told], Provenance("pondering", "abc", clock="real", execution=execution))
    assert row.outcome == "success"
    assert sum(told.counts) >= env.count  # the last chunk may end the trial early
    if execution == "sync":
        assert set(policy.passed) == {0}
    else:
        *on_the_way, _ = policy.passed  # the trial may end during the last
        assert on_the_way
        assert min(on_the_way) >= 2


class Executed:
    """A recorder of how many actions were executed at once."""

    def __init__(self):
        self.counts = []

    def start(self, env): ...

    def say(self, env, text): ...

    def execute(self, actions):
        self.counts.append(len(actions))

    def step(self, env): ...

    def end(self, outcome):
        return {}

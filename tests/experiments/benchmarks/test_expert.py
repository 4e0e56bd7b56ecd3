"""What is counted of the controls."""

from __future__ import annotations

import pytest

from envs.names import GROUPS, TASK_NAMES
from experiments.benchmarks.expert import Outcome, chosen, totals

OUTCOMES = [
    Outcome("sort_toys", "expert", 0, steps_done=4, steps=4, seconds=20.0),
    Outcome("sort_toys", "expert", 1, steps_done=2, steps=4, seconds=60.0),
    Outcome("sort_toys", "expert", 2, error="animal_0 slid 12 mm"),
    Outcome("sort_toys", "zero", 0, steps_done=0, steps=4, seconds=60.0),
]


def test_successes_and_steps_are_counted_per_control():
    expert, zero = totals(OUTCOMES, "sort_toys", "expert"), totals(OUTCOMES, "sort_toys", "zero")
    assert (expert["successes"], expert["steps_done"], expert["steps"]) == (1, 6, 8)
    assert expert["failed_trials"] == [1]
    assert expert["mean_seconds"] == 40.0
    assert (zero["successes"], zero["steps_done"], zero["trials"]) == (0, 0, 1)


def test_a_scene_that_did_not_settle_is_an_error_and_no_trial():
    expert = totals(OUTCOMES, "sort_toys", "expert")
    assert expert["trials"] == 2
    assert expert["errors"] == {2: "animal_0 slid 12 mm"}


def test_an_env_is_a_task_a_group_or_all():
    assert chosen("hang_cup") == ("hang_cup",)
    assert chosen("planner") == GROUPS["planner"]
    assert chosen("all") == TASK_NAMES
    with pytest.raises(ValueError, match=r"unknown env 'hang_cap'; did you mean 'hang_cup'\?"):
        chosen("hang_cap")

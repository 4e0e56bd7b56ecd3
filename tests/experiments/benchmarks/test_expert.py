"""What is counted of the controls."""

from __future__ import annotations

from experiments.benchmarks.expert import Outcome, totals

OUTCOMES = [
    Outcome("expert", 0, steps_done=4, steps=4, seconds=20.0),
    Outcome("expert", 1, steps_done=2, steps=4, seconds=60.0),
    Outcome("expert", 2, error="animal_0 slid 12 mm"),
    Outcome("zero", 0, steps_done=0, steps=4, seconds=60.0),
]


def test_successes_and_steps_are_counted_per_control():
    expert, zero = totals(OUTCOMES, "expert"), totals(OUTCOMES, "zero")
    assert (expert["successes"], expert["steps_done"], expert["steps"]) == (1, 6, 8)
    assert expert["failed_trials"] == [1]
    assert expert["mean_seconds"] == 40.0
    assert (zero["successes"], zero["steps_done"], zero["trials"]) == (0, 0, 1)


def test_a_scene_that_did_not_settle_is_an_error_and_no_trial():
    expert = totals(OUTCOMES, "expert")
    assert expert["trials"] == 2
    assert expert["errors"] == {2: "animal_0 slid 12 mm"}

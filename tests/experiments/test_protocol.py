"""The paper's numbers come out of the counts; the interval and the scorer obey their definitions."""

import pytest

from experiments.protocol import PAPER_POLICIES, ROWS, find_row, paper_score, score_counts, score_trials, wilson

# Tables 2 and 3 as printed: step rates, then Avg. Len.
PRINTED = {
    ("sort_toys", "Octo"): ("0.23 0.08 0.00 0.00", "0.08"),
    ("sort_toys", "OpenVLA"): ("0.15 0.08 0.00 0.00", "0.06"),
    ("sort_toys", "ChatVLA"): ("0.92 0.69 0.31 0.23", "0.54"),
    ("stack_cubes", "Octo"): ("0.29 0.14", "0.21"),
    ("stack_cubes", "OpenVLA"): ("0.43 0.14", "0.29"),
    ("stack_cubes", "ChatVLA"): ("0.86 0.43", "0.64"),
    ("toy_in_drawer", "Octo"): ("0.11 0.11 0.11", "0.11"),
    ("toy_in_drawer", "OpenVLA"): ("0.22 0.11 0.11", "0.15"),
    ("toy_in_drawer", "ChatVLA"): ("1.00 1.00 1.00", "1.00"),
    ("clean_blocks", "Octo"): ("0.50 0.17", "0.33"),
    ("clean_blocks", "OpenVLA"): ("0.50 0.33", "0.42"),
    ("clean_blocks", "ChatVLA"): ("0.83 0.67", "0.75"),
    ("tidy_up", "Octo"): ("0.42 0.25 0.17 0.08", "0.23"),
    ("tidy_up", "OpenVLA"): ("0.42 0.33 0.33 0.17", "0.31"),
    ("tidy_up", "ChatVLA"): ("1.00 0.92 0.92 0.92", "0.94"),
    ("two_blocks", "Octo"): ("0.33 0.22", "0.28"),
    ("two_blocks", "OpenVLA"): ("0.44 0.22", "0.33"),
    ("two_blocks", "ChatVLA"): ("0.89 0.78", "0.83"),
    ("prepare_breakfast", "Octo"): ("0.15 0.08 0.00", "0.08"),
    ("prepare_breakfast", "OpenVLA"): ("0.23 0.08 0.00", "0.10"),
    ("prepare_breakfast", "ChatVLA"): ("0.69 0.54 0.54", "0.59"),
}


@pytest.mark.parametrize(("env", "policy"), PRINTED)
def test_counts_give_the_paper_s_printed_rates(env, policy):
    row = find_row(env)
    assert row is not None
    score = paper_score(row, policy)
    rates, average = PRINTED[env, policy]
    assert " ".join(f"{c / score.trials:.2f}" for c in score.counts) == rates
    assert f"{score.avg_len.value:.2f}" == average


@pytest.mark.parametrize(("policy", "total"), [("Octo", 18), ("OpenVLA", 20), ("ChatVLA", 55)])
def test_multitask_counts_give_the_paper_s_totals(policy, total):
    rows = [row for row in ROWS if row.group == "multitask"]
    assert sum(row.counts[policy][0] for row in rows) == total
    assert sum(row.trials for row in rows) == 107


def test_the_protocol_has_the_paper_s_528_trials():
    assert len(ROWS) == 19
    assert sum(row.trials for row in ROWS) * len(PAPER_POLICIES) == 528


def test_every_row_has_a_count_per_step():
    for row in ROWS:
        assert all(len(row.counts[p]) == len(row.steps) for p in PAPER_POLICIES), row.env


# Golden values: Wilson (1927), as scipy.stats.binomtest(...).proportion_ci(method="wilson") gives them.
@pytest.mark.parametrize(
    ("done", "trials", "low", "high"),
    [(55, 107, 0.4205, 0.6066), (9, 13, 0.4237, 0.8732), (2, 6, 0.0968, 0.7000), (7, 7, 0.6457, 1.0), (0, 50, 0.0, 0.0713)],
)
def test_wilson_interval_has_its_known_values(done, trials, low, high):
    assert wilson(done, trials) == pytest.approx((low, high), abs=5e-5)


def test_wilson_of_nothing_tried_knows_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


def test_wilson_refuses_more_done_than_tried():
    with pytest.raises(ValueError, match="8 done of 7 tried is no rate"):
        wilson(8, 7)


def test_a_step_counts_in_every_prefix_that_reaches_it():
    score = score_trials([4, 2, 0, 1], 4)
    assert score.counts == (3, 2, 1, 1)
    assert score.avg_len.value == pytest.approx(7 / 16)
    assert score.success.value == 0.25


def test_counts_that_rise_are_refused():
    with pytest.raises(ValueError, match=r"step counts \(1, 2\) of 3 trials rise"):
        score_counts([1, 2], 3)


def test_a_trial_with_more_steps_than_the_row_is_refused():
    with pytest.raises(ValueError, match=r"steps_done \[5\] does not lie in 0..4"):
        score_trials([5], 4)

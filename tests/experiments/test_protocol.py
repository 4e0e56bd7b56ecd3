"""The paper's numbers come out of the counts; the interval and the scorer obey their definitions."""

import pytest

from envs.names import GROUPS
from envs.tasks import TASKS
from experiments.paper_tables import MISSING, paper_tables
from experiments.protocol import PAPER_POLICIES, ROWS
from experiments.scoring import score_counts, score_trials, wilson

# Tables 2 to 4 as the paper prints them, cell by cell (its tables' text, with "(Ours)" left out).
TABLE_2 = """
Octo	0.23	0.08	0.00	0.00	0.08	0.29	0.14	0.21	0.11	0.11	0.11	0.11	0.50	0.17	0.33
OpenVLA	0.15	0.08	0.00	0.00	0.06	0.43	0.14	0.29	0.22	0.11	0.11	0.15	0.50	0.33	0.42
ChatVLA	0.92	0.69	0.31	0.23	0.54	0.86	0.43	0.64	1.00	1.00	1.00	1.00	0.83	0.67	0.75
"""
TABLE_3 = """
Octo	0.42	0.25	0.17	0.08	0.23	0.33	0.22	0.28	0.15	0.08	0.00	0.08
OpenVLA	0.42	0.33	0.33	0.17	0.31	0.44	0.22	0.33	0.23	0.08	0.00	0.10
ChatVLA	1.00	0.92	0.92	0.92	0.94	0.89	0.78	0.83	0.69	0.54	0.54	0.59
"""
TABLE_4 = """
Octo	3/11	0/6	1/9	0/7	0/11	3/11	1/7	2/9	1/7	2/13	2/9	3/7	18/107
OpenVLA	2/11	0/6	2/9	1/7	1/11	4/11	2/7	1/9	1/7	4/13	0/9	2/7	20/107
ChatVLA	6/11	2/6	5/9	3/7	3/11	6/11	4/7	5/9	4/7	6/13	4/9	7/7	55/107
"""


def cells(printed):
    return [tuple(line.split("\t")) for line in printed.strip().splitlines()]


@pytest.mark.parametrize(("group", "printed"), [("direct", TABLE_2), ("planner", TABLE_3), ("multitask", TABLE_4)])
def test_the_counts_give_every_cell_that_the_paper_prints(group, printed):
    (table,) = paper_tables([], [group])
    assert list(table.lines) == cells(printed)


def test_the_headings_are_the_paper_s():
    second, third, fourth = paper_tables([], ["direct", "planner", "multitask"])
    assert second.heads[0] == (("Method", 1), ("Task 1", 5), ("Task 2", 3), ("Task 3", 4), ("Task 4", 3))
    assert [text for text, _ in second.heads[1]][1:6] == ["1", "2", "3", "4", "Avg. Len."]
    assert third.heads[0] == (("Method", 1), ("Task 5-8", 5), ("Task 9-10", 3), ("Task 11-13", 4))
    assert fourth.heads[0] == (("Method", 1), ("Bathroom", 4), ("Kitchen", 2), ("Tabletop", 6), ("Avg", 1))
    assert [text for text, _ in fourth.heads[1]][1:-1] == [f"Task {n}" for n in range(14, 26)]


def test_every_line_of_a_table_is_as_wide_as_its_headings():
    for table in paper_tables([("nobody", {})], ["direct", "planner", "multitask"]):
        widths = {sum(span for _, span in head) for head in table.heads} | {len(line) for line in table.lines}
        assert len(widths) == 1
        assert set(table.lines[-1][1:]) == {MISSING}


def test_the_groups_of_the_command_line_are_the_tables():
    for group in ("direct", "planner", "multitask"):
        assert tuple(row.env for row in ROWS if row.group == group) == GROUPS[group]
    assert tuple(row.env for row in ROWS) == GROUPS["chatvla"]


def test_the_protocol_has_the_paper_s_528_trials():
    assert len(ROWS) == 19
    assert sum(row.trials for row in ROWS) * len(PAPER_POLICIES) == 528


def test_every_row_has_a_count_per_step():
    for row in ROWS:
        assert all(len(row.counts[p]) == len(row.steps) for p in PAPER_POLICIES), row.env


@pytest.mark.parametrize("row", [row for row in ROWS if row.env in TASKS], ids=lambda row: row.env)
def test_a_row_is_the_task_of_its_name(row):
    task = TASKS[row.env]
    assert task.instruction == row.instruction
    assert len(task.steps) == len(row.steps)
    assert task.scene == row.scene
    planned = [step.instruction for step in task.steps]
    assert all(planned) if row.group == "planner" else not any(planned)
    assert len(set(planned)) == (len(row.steps) if row.group == "planner" else 1)


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

"""Failures are counted step by step, shown in the report, and are numbers of a sweep."""

import json

import numpy as np
import pytest

from experiments.failures.counts import distance, tally
from experiments.failures.kinds import KINDS, MEANING, Attempt, kind_of
from experiments.failures.show import COLOURS, step_bars, step_table
from experiments.report import failure_told, write_report
from experiments.results import RESULTS_FILE, read, to_line
from experiments.sweeping.tidy import summary_rows
from experiments.table_report import write_table_report
from tests.experiments.test_report import row


def grasp(step, cm, held=True, thing="block_0"):
    return {"step": step, "object": thing, "cm": cm, "held": held}


def failure(step, kind, **more):
    return {"step": step, "kind": kind, "object": "block_0", "nearest_cm": 1.0, "idle_s": 0.0, **more}


ROWS = (
    row(0, 4, grasps=(grasp(1, 0.4), grasp(2, 0.6), grasp(3, 0.5), grasp(4, 0.5))),
    row(1, 2, grasps=(grasp(1, 0.4), grasp(2, 0.8), grasp(3, 4.0, False)), failure=failure(3, "missed_grasp", grasp_cm=4.0)),
    row(2, 2, grasps=(grasp(1, 1.0), grasp(2, 0.8), grasp(3, 2.0)), failure=failure(3, "placed_wrong", goal_cm=12.0)),
    row(3, 0, failure=failure(1, "stopped_early")),
    row(4, 0, outcome="error", success=False, error="no GL"),
)


def test_each_step_counts_the_trials_that_came_to_it():
    found = tally(ROWS)
    assert found is not None
    assert found.grasp is not None
    assert found.held is not None
    assert [(s.reached, s.done, dict(s.kinds)) for s in found.steps] == [
        (4, 3, {"stopped_early": 1}), (3, 3, {}), (3, 1, {"missed_grasp": 1, "placed_wrong": 1}), (1, 1, {}),
    ]  # fmt: skip
    assert (found.trials, found.done, sum(found.kinds.values())) == (4, 1, 3)
    assert (found.grasp.median, found.grasp.n, found.held.n) == (0.7, 10, 9)
    assert [s.grasp and s.grasp.median for s in found.steps] == [0.4, 0.8, 2.0, 0.5]


def test_rows_that_tell_nothing_have_no_failures_to_show(tmp_path):
    assert tally([row(0, 4), row(1, 2)]) is None
    (tmp_path / RESULTS_FILE).write_text(to_line(row(0, 2)))
    write_report(tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["failures"] is None
    assert not [r for r in summary_rows(summary) if r["metric"].startswith(("failure/", "grasp"))]
    assert "Failures by kind" not in (tmp_path / "report.md").read_text()


def test_the_interval_of_the_distance_is_over_trials():
    """Four equal grasps of a trial are one observation: the interval is that of the trials' medians."""
    rng = np.random.default_rng(0)
    values = rng.gamma(2.0, 0.5, 40).round(2)
    once = distance([row(i, 0, grasps=(grasp(1, v),)) for i, v in enumerate(values)])
    four = distance([row(i, 0, grasps=tuple(grasp(s, v) for s in range(1, 5))) for i, v in enumerate(values)])
    assert once is not None
    assert four is not None
    assert (once.median, once.low, once.high) == (four.median, four.low, four.high)
    assert (once.n, four.n) == (40, 160)
    assert once.low < float(np.median(values)) < once.high
    assert distance([row(0, 0)]) is None


@pytest.fixture
def out(tmp_path):
    (tmp_path / "sort_toys").mkdir()
    (tmp_path / "sort_toys" / RESULTS_FILE).write_text("".join(map(to_line, ROWS)))
    return tmp_path / "sort_toys"


def test_rows_keep_their_failure_on_the_disk(out):
    assert read(out / RESULTS_FILE) == list(ROWS)


def test_the_report_has_the_table_the_figure_and_each_trial_s_failure(out):
    write_report(out)
    text, page = (out / "report.md").read_text(), (out / "report.html").read_text()
    assert "| step | reached | done | missed grasp | placed wrong | stopped early | grasp, cm |" in text
    assert "| all | 4 | 1 | 1 | 1 | 1 | 0.7 [" in text
    assert f"- missed grasp: {MEANING['missed_grasp']}" in text
    assert "3 missed grasp, block 0, 4.0 cm" in text
    assert "3 placed wrong, block 0, 12.0 cm" in text
    assert page.count("<rect class='rest'") == 4
    assert "<title>missed grasp: 1</title>" in page


def test_the_report_of_a_group_has_a_bar_for_each_task(out):
    write_table_report(out.parent, ["sort_toys"])
    assert "| sort_toys | 4 | 1 | 1 | 1 | 1 | 0.7 [" in (out.parent / "report.md").read_text()
    assert "1/4 done</text>" in (out.parent / "report.html").read_text()


def test_a_sweep_has_the_kinds_and_the_distance_as_numbers(out):
    write_report(out)
    rows = {r["metric"]: r for r in summary_rows(json.loads((out / "summary.json").read_text()))}
    assert [m for m in rows if m.startswith("failure/")] == [f"failure/{kind}" for kind in KINDS]
    assert (rows["failure/missed_grasp"]["value"], rows["failure/missed_grasp"]["n"], rows["failure/lost"]["value"]) == (0.25, 4, 0.0)
    assert (rows["grasp_cm"]["value"], rows["grasp_cm"]["n"]) == (0.7, 10)
    assert rows["grasp_cm"]["low"] <= 0.7 <= rows["grasp_cm"]["high"]


def test_bars_hold_all_trials_and_escape_their_labels():
    found = tally(ROWS)
    assert found is not None
    figure = step_bars(found, ["a <b>", "2", "3", "4"])
    assert "a &lt;b&gt;" in figure
    assert figure.count("class='done'") == 1 + 4  # a legend's key, and a segment in each step
    assert [line[0] for line in step_table(found, ["step 1", "step 2", "step 3", "step 4"])][1:] == ["step 1", "step 2", "step 3", "step 4", "all"]


def test_a_trial_without_failure_tells_none():
    assert failure_told(ROWS[0]) == "-"


def test_a_trial_that_stopped_early_tells_how():
    assert failure_told(ROWS[3]) == "1 stopped early, block 0, said done"
    assert failure_told(row(0, 0, failure=failure(1, "stopped_early") | {"idle_s": 12.0})) == "1 stopped early, block 0, still for 12 s"


@pytest.mark.parametrize(
    ("seen", "stopped", "kind"),
    [
        ({"taken": "a", "let_go": (True, 0.1), "wrong": "b", "closed_near": True}, True, "placed_wrong"),
        ({"taken": "a", "let_go": (False, 0.1)}, True, "lost"),
        ({"taken": "a"}, False, "timeout"),
        ({"taken": "a"}, True, "stopped_early"),
        ({"wrong": "b", "closed_near": True}, True, "wrong_object"),
        ({"closed_near": True}, True, "missed_grasp"),
        ({"nearest": 0.05, "now": 0.05, "before": 0.2}, True, "stopped_early"),
        ({"nearest": 0.05, "now": 0.05, "before": 0.2}, False, "timeout"),
        ({"nearest": 0.05, "now": 0.15, "before": 0.2}, False, "not_closed"),
        ({"nearest": 0.05, "now": 0.2, "before": 0.2}, False, "not_closed"),
        ({"nearest": 0.2, "now": 0.3, "before": 0.25}, False, "never_near"),
    ],
)
def test_the_furthest_that_a_step_came_decides(seen, stopped, kind):
    assert kind_of(Attempt(1, **seen), stopped) == kind


def test_every_kind_has_a_meaning_and_a_colour_of_its_own():
    assert tuple(COLOURS) == KINDS
    assert len({fill for fill, _ in COLOURS.values()}) == len(KINDS)

"""Where a real arm would have stopped itself is in the row, and the report counts until there."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from envs.types import Trial
from experiments.pushes import PushRecorder, reflexes
from experiments.report import write_report
from experiments.results import RESULTS_FILE, to_line
from experiments.rollout import Provenance, rollout
from experiments.sweeping.tidy import summary_rows
from tests.experiments.fakes import FakeEnv, Forward
from tests.experiments.test_report import row


class Pushed(FakeEnv):
    """Pushed harder and harder: by 0.1 of the limit more each control step."""

    @property
    def pushed(self):
        return SimpleNamespace(peak=0.1 * self.count)


def push(peak, steps_done=None):
    return {"peak": peak, "reflex_s": None if steps_done is None else 2.0, "steps_done": steps_done}


def test_the_row_tells_when_a_real_arm_would_have_stopped_itself_and_what_was_done():
    env = Pushed()
    made = rollout(env, Forward(), Trial("sort_toys", 0), [PushRecorder()], Provenance("forward", ""))
    assert made.push is not None
    assert made.push["peak"] == pytest.approx(0.1 * env.count)
    assert made.push["reflex_s"] == pytest.approx(11 / 15, abs=1e-3)
    assert made.push["steps_done"] == sum(t <= 11 / 15 for t in made.step_done_s) < made.steps_done


def test_each_trial_begins_anew():
    env, recorder = Pushed(), PushRecorder()
    first, second = (rollout(env, Forward(), Trial("sort_toys", 0), [recorder], Provenance("forward", "")).push for _ in range(2))
    assert first == second


def test_a_world_that_does_not_tell_adds_nothing():
    assert rollout(FakeEnv(), Forward(), Trial("sort_toys", 0), [PushRecorder()], Provenance("forward", "")).push is None


def test_trials_are_counted_until_the_reflex():
    found = reflexes([row(0, 4, push=push(0.3)), row(1, 4, push=push(1.2, 1)), row(2, 2, push=push(1.1, 2))])
    assert found is not None
    assert found.trials == 2
    assert found.avg_len.value == pytest.approx((4 + 1 + 2) / 12)


def test_rows_that_do_not_tell_leave_it_open():
    assert reflexes([row(0, 4, push=push(0.3)), row(1, 4)]) is None
    assert reflexes([]) is None


@pytest.mark.parametrize(
    ("rows", "told", "json_has"),
    [
        ([row(0, 4, push=push(0.3)), row(1, 4, push=push(1.2, 1))], "as in 1 of 2 trials; counted until there, Avg. Len. is 0.62 [", {"trials": 1, "avg_len": 0.625}),
        ([row(0, 4)], "these trials do not tell how hard it was pushed", None),
        ([row(0, 1, backend="twin", outcome="reflex"), row(1, 4, backend="twin")], "it did in 1 of 2 trials", None),
    ],
)  # fmt: skip
def test_the_report_says_what_a_real_arm_would_do(tmp_path, rows, told, json_has):
    (tmp_path / RESULTS_FILE).write_text("".join(map(to_line, rows)))
    write_report(tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "a real arm: stops itself when pushed with more than 40 N on the hand or 40 Nm on a joint" in text
    assert told in text
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["reflexes"] == json_has
    metrics = {r["metric"]: r for r in summary_rows(summary)}
    assert ("reflex" in metrics) == (json_has is not None)
    if json_has:
        assert metrics["reflex"]["value"] == 0.5

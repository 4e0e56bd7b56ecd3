"""A group of tasks is one run: one pool, a folder and a report for each task, and the paper's tables over all."""

import dataclasses
import json
import re

import pytest

from envs.names import GROUPS, TASK_NAMES
from envs.types import Trial
from experiments import config as conf
from experiments import evaluation
from experiments.errors import UsageError
from experiments.policies import BLIND, PER_ENV, make_policy
from experiments.protocol import find_row
from experiments.results import RESULTS_FILE, Result, read
from experiments.rollout import Provenance
from experiments.workers import EnvRun, Job, run_trials
from tests.experiments import fakes


def make_fake_env(quality, motion, name):
    return fakes.FakeEnv(name)


def make_fake_policy(name, checkpoint, running, data, env):
    return fakes.Forward()


@pytest.fixture
def evaluate(tmp_path, monkeypatch):
    """Evaluates in the fakes' world; all its tasks have four steps."""
    monkeypatch.setattr(evaluation, "make_env", make_fake_env)
    monkeypatch.setattr(evaluation, "make_named_policy", make_fake_policy)

    def run(*overrides):
        config = conf.load(["policy=zero", "video=none", "workers=0", f"out={tmp_path}/out", *overrides])
        evaluation.evaluate(config, "the command")
        return tmp_path / "out"

    return run


def test_every_task_has_its_folder_and_the_group_one_report(evaluate):
    out = evaluate("env=[sort_toys,tidy_up]", "trials=2")
    for env in ("sort_toys", "tidy_up"):
        assert [(r.env, r.trial, r.outcome) for r in read(out / env / RESULTS_FILE)] == [(env, 0, "success"), (env, 1, "success")]
        assert (out / env / "report.html").exists()
    text = (out / "report.md").read_text()
    assert "| zero, here | 1.00 | 1.00 | 1.00 | 1.00 | 1.00 | - |" in text
    assert "| ChatVLA | 1.00 | 0.92 | 0.92 | 0.92 | 0.94 |" in text
    assert "Table 4" not in text
    assert "[tidy_up](tidy_up/report.md) | 2 | 1.00 [0.34-1.00] | 4.00 of 4 | 2/2 [0.34-1.00] | 0 | 0.94 [" in text
    page = (out / "report.html").read_text()
    assert "<a href='sort_toys/report.html'>" in page
    assert not re.findall(r"src='(?!data:)", page)
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["n_episodes"], summary["n_success"], summary["errors"]) == (4, 4, 0)
    assert summary["tasks"]["tidy_up"]["mean_steps_done"] == 4.0
    assert [m["name"] for m in summary["methods"]] == ["Octo", "OpenVLA", "ChatVLA", "zero"]


def test_one_task_alone_and_in_a_group_have_one_format_and_each_goes_on_by_trial(evaluate, capsys):
    alone = evaluate("env=sort_toys", "trials=2")
    single = read(alone / RESULTS_FILE)
    out = evaluate("env=[sort_toys,tidy_up]", "trials=2")
    grouped = read(out / "sort_toys" / RESULTS_FILE)
    same = {"wall_s": 0, "infer_ms_p50": 0, "infer_ms_p95": 0}
    assert [dataclasses.replace(r, **same) for r in single] == [dataclasses.replace(r, **same) for r in grouped]
    capsys.readouterr()
    evaluate("env=[sort_toys,tidy_up]", "trials=3")
    assert "6 trials, 4 done before" in capsys.readouterr().out
    assert len(read(out / "tidy_up" / RESULTS_FILE)) == 3


def test_the_results_of_other_runs_stand_in_the_tables(evaluate, tmp_path):
    out = evaluate("env=[sort_toys,tidy_up]", "trials=1")
    (tmp_path / "other").mkdir()
    for env in ("sort_toys", "tidy_up"):
        (tmp_path / "other" / env).mkdir()
        line = json.loads((out / env / RESULTS_FILE).read_text())
        (tmp_path / "other" / env / RESULTS_FILE).write_text(json.dumps(line | {"policy": "random", "steps_done": 2, "success": False, "outcome": "timeout"}) + "\n")
    evaluate("env=[sort_toys,tidy_up]", "trials=1", f"beside=[{tmp_path}/other]")
    text = (out / "report.md").read_text()
    assert text.index("| random, here | 1.00 | 1.00 | 0.00 | 0.00 | 0.50 |") < text.index("| zero, here | 1.00 | 1.00 | 1.00 | 1.00 | 1.00 |")


def test_a_planner_that_is_not_the_usual_one_is_told_beside_the_policy(evaluate):
    out = evaluate("env=[sort_toys,tidy_up]", "trials=1", "planner=none")
    assert "| zero (planner none), here | 1.00 |" in (out / "report.md").read_text()


def test_the_questions_of_all_tasks_are_summed_up(evaluate):
    out = evaluate("env=[sort_toys,tidy_up]", "trials=1")
    family = {"n": 40, "correct": 30, "low": 0.6, "high": 0.9, "majority": 0.5}
    (out / "tidy_up/questions.json").write_text(json.dumps({"families": {"colour": family}, "overall": family}))
    evaluate("env=[sort_toys,tidy_up]", "trials=1")
    text = (out / "report.md").read_text()
    assert "| 1/1 [0.21-1.00] | 0 | - | 0.54 [" in text
    assert "| 1/1 [0.21-1.00] | 0 | 30/40 | 0.94 [" in text
    assert json.loads((out / "summary.json").read_text())["questions"] == {"correct": 30, "n": 40}


def test_only_chains_have_a_planner_and_it_is_part_of_what_a_row_is(evaluate):
    out = evaluate("env=[sort_toys,tidy_up]", "trials=1")
    (direct,), (chain,) = (read(out / env / RESULTS_FILE) for env in ("sort_toys", "tidy_up"))
    assert (direct.planner, direct.planner_every, direct.plan) == ("none", None, ())
    assert (chain.planner, chain.planner_every) == ("scripted", 1)
    assert chain.plan[0] == (0.0, "Go to 0.45 m.", "Go to 0.45 m.")
    assert "planner: scripted, asked at every inference; median" in (out / "tidy_up/report.md").read_text()
    with pytest.raises(UsageError, match=r"another configuration \(planner 'scripted' there, 'none' now; planner_every 1 there, None now\)"):
        evaluate("env=[sort_toys,tidy_up]", "trials=2", "planner=none")


def test_the_whole_protocol_has_176_trials_and_its_planner_rows_a_planner():
    config = conf.load(["env=chatvla"])
    assert sum(map(config.trial_count, config.envs)) == 176
    assert [env for env in config.envs if config.planner_of(env) != "none"] == list(GROUPS["planner"])
    assert all(config.trial_count(env) == find_row(env).trials for env in config.envs)  # type: ignore[union-attr]
    assert str(config.env_dir("hang_cup")) == "outputs/chatvla-chatvla_tiny-test-seed0/hang_cup"


@pytest.mark.parametrize(("trials", "total"), [("5", 95), ("x2", 352)])
def test_trials_is_a_number_of_each_task_or_a_multiple_of_the_paper_s(trials, total):
    config = conf.load(["env=chatvla", f"trials={trials}"])
    assert sum(map(config.trial_count, config.envs)) == total


def test_all_are_all_tasks():
    assert conf.load(["env=all"]).envs == TASK_NAMES


def test_another_planner_model_is_another_configuration():
    asked = ["env=tidy_up", "planner=openai", "planner_url=http://localhost/v1"]
    one, two = (conf.config_hash(conf.identity(conf.load([*asked, f"planner_model={m}"]), "tidy_up")) for m in "ab")
    elsewhere = conf.identity(conf.load([*asked[:2], "planner_url=http://elsewhere/v1", "planner_model=a"]), "tidy_up")
    assert one != two
    assert conf.config_hash(elsewhere) == one  # the same model, wherever it answers


class Counting(fakes.FakeEnv):
    made: list[str] = []  # noqa: RUF012

    def __init__(self, name):
        super().__init__(name)
        self.made.append(name)


@pytest.mark.parametrize(("per_env", "policies"), [(False, 1), (True, 2)])
def test_a_worker_makes_its_env_anew_when_the_task_changes_and_its_policy_only_if_it_must(tmp_path, per_env, policies):
    made = []
    runs = {env: EnvRun(Provenance("forward", "abc"), tmp_path / env) for env in ("sort_toys", "tidy_up")}
    job = Job(Counting, lambda env: made.append(env) or fakes.Forward(), runs, "none", policy_per_env=per_env)
    Counting.made.clear()
    rows = [e for e in run_trials(job, [Trial(env, i) for env in runs for i in range(2)], 0) if isinstance(e, Result)]
    assert [r.outcome for r in rows] == ["success"] * 4
    assert Counting.made == ["sort_toys", "tidy_up"]
    assert len(made) == policies


def test_what_no_policy_looks_at_is_not_rendered(tmp_path, monkeypatch):
    from envs.render import CameraRenderer

    monkeypatch.setattr(CameraRenderer, "frames", lambda *args: pytest.fail("a frame was rendered"))
    monkeypatch.setattr(evaluation.gl, "vendor", lambda: pytest.fail("OpenGL was asked for"))
    config = conf.load(["policy=expert", "video=none", "workers=0", "trials=1", f"out={tmp_path}"])
    evaluation.evaluate(config, "the command")
    (row,) = read(tmp_path / RESULTS_FILE)
    assert (row.outcome, row.gl) == ("success", None)


def test_blind_policies_say_so_themselves():
    env = evaluation.make_env("fast", "step", "sort_toys")
    for name in set(BLIND) - {"replay"}:
        assert not make_policy(name, env).uses_pixels  # type: ignore[attr-defined]
    assert set(PER_ENV) <= set(BLIND)


def test_a_group_without_results_says_what_to_run(tmp_path):
    with pytest.raises(UsageError, match=r"no results in .*sort_toys/results\.jsonl; run stage=evaluate first"):
        evaluation.report(conf.load(["env=direct", f"out={tmp_path}"]), "the command")

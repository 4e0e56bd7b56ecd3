"""A sweep runs each point once, goes on after an interruption, keeps failures as rows, and trains shared stages once."""

import json
import subprocess
import sys
import threading
import time

import pytest
from rich.console import Console

from experiments import config as conf
from experiments import run, sweep
from experiments.errors import UsageError
from experiments.sweeping import launch, live, point_run
from experiments.sweeping.points import grid
from experiments.sweeping.tidy import summary_rows

QUICK = ["env=take_lid", "trials=1", "workers=0", "video=none"]
QUIET = Console(quiet=True)


def test_choices_and_ranges_are_multiplied_out():
    points = grid(["stage=train", "train.experts=dense,static", "seed=range(1,4)", "trials=5"])
    assert [dict(p.varied) for p in points] == [{"train.experts": e, "seed": s} for e in ("dense", "static") for s in ("1", "2", "3")]
    assert points[0].overrides == ("stage=train", "train.experts=dense", "seed=1", "trials=5")
    assert points[5].values["train.experts"] == "static"


def test_a_list_of_points_is_run_as_it_is():
    points = grid(["trials=5"], [["policy=expert"], ["policy=zero", "clock=200ms"]])
    assert [dict(p.varied) for p in points] == [{"policy": "expert"}, {"policy": "zero", "clock": "200ms"}]


def test_a_point_is_named_by_what_decides_it_and_not_by_where_it_runs():
    key = {name: grid([*QUICK, "policy=zero", *more])[0].key for name, more in {"as it is": [], "elsewhere": ["out=x", "sweep.jobs=3"], "other": ["seed=1"]}.items()}
    assert key["as it is"] == key["elsewhere"] != key["other"]


def test_weights_count_by_their_contents(tmp_path):
    keys = []
    for name, text in (("a", "one"), ("b", "one"), ("c", "two")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_text(text)
        keys.append(grid(["stage=train", f"train.init={tmp_path / name}"])[0].key)
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["sed=1,2"], "unknown override 'sed'; did you mean 'seed'?"),
        (["setting=ablatoin"], "unknown setting 'ablatoin'; did you mean 'ablation'?"),
        (["seed=1,1"], "two points of the sweep are the same run"),
        (["seed=interval(0,1)"], r"'seed=interval\(0,1\)' has no list of values to run; give them, such as seed=1,2,3 or seed=range\(1,4\)"),
        (["policy=zero,exprt"], "unknown policy 'exprt'; did you mean 'expert'?"),
    ],
)
def test_a_mistake_is_told_before_anything_runs(overrides, message):
    with pytest.raises(UsageError, match=message):
        grid(overrides)


def test_points_become_rows_and_what_is_done_is_not_run_again(tmp_path):
    table = sweep.sweep([*QUICK, "policy=expert,zero"], out=tmp_path, jobs=0, console=QUIET)
    success = table[table.metric == "success"].set_index("policy")
    assert success.value.to_dict() == {"expert": 1.0, "zero": 0.0}
    assert (success.n == 1).all()
    assert (success.low <= success.value).all()
    files = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/results/results.jsonl")}
    again = sweep.sweep([*QUICK, "policy=expert,zero"], out=tmp_path, jobs=0, console=QUIET)
    assert again.equals(table)
    assert {path: path.stat().st_mtime_ns for path in files} == files
    read = sweep.load(tmp_path)
    assert sorted(read[read.metric == "success"].policy) == ["expert", "zero"]


def test_a_failed_point_is_a_row_with_its_error_and_the_others_go_on(tmp_path):
    table = sweep.sweep([*QUICK, "policy=zero"], [["stage=report"], ["stage=evaluate"]], out=tmp_path, jobs=0, console=QUIET)
    failed = table[table.state == "failed"]
    assert failed.stage.tolist() == ["report"]
    assert "UsageError: no results in" in failed.error.item()
    assert table[table.metric == "success"].stage.tolist() == ["evaluate"]


def processes(monkeypatch, code):
    """Points that are processes of this Python code, in the folder that is their argument."""
    started = []

    def start(folder):
        started.append(subprocess.Popen([sys.executable, "-c", code, str(folder)]))
        return started[-1]

    monkeypatch.setattr(launch, "_start", start)
    return started


def test_ctrl_c_ends_the_running_points_and_starts_no_other(tmp_path, monkeypatch):
    code = "import pathlib, signal, sys, time; signal.signal(signal.SIGINT, signal.SIG_DFL); pathlib.Path(sys.argv[1]).touch(); time.sleep(60)"
    started = processes(monkeypatch, code)

    def look():
        if (tmp_path / "a").exists():
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        launch.run_local([tmp_path / "a", tmp_path / "b"], 1, look)
    assert len(started) == 1
    assert started[0].returncode != 0
    assert time.monotonic() - began < 15


def test_a_process_that_dies_is_a_failure(tmp_path, monkeypatch):
    processes(monkeypatch, "raise SystemExit(9)")
    launch.run_local([tmp_path], 1, lambda: None)
    assert point_run.read(tmp_path / point_run.STATE) == {"state": "failed", "error": f"the process ended with exit code 9; see {tmp_path / 'log.txt'}"}


def test_a_point_runs_in_a_process_of_its_own(tmp_path):
    table = sweep.sweep([*QUICK, "policy=zero"], out=tmp_path, jobs=1, console=QUIET)
    assert table[table.metric == "steps_done"].value.tolist() == [0.0]
    assert "take_lid, zero" in next(tmp_path.glob("*/log.txt")).read_text()


def test_a_point_that_another_sweep_runs_is_waited_for_and_not_run_again(tmp_path, monkeypatch):
    monkeypatch.setattr(point_run, "_run", lambda config, folder: pytest.fail("it was run twice"))
    waiting = threading.Thread(target=point_run.run_point, args=(tmp_path,))
    with point_run.locked(tmp_path):
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        point_run.write(tmp_path / point_run.STATE, {"state": "done"})
    waiting.join(10)
    assert not waiting.is_alive()
    assert point_run.read(tmp_path / point_run.STATE) == {"state": "done"}


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Stages that have been trained, by a training that only leaves a folder."""
    stages = []

    def train(wanted, todo):
        from pathlib import Path

        folder = Path(wanted.out) / todo[0].name / "checkpoint"
        if not folder.exists():
            stages.append((todo[0].name, wanted.init))
            folder.mkdir(parents=True)
        return folder

    monkeypatch.setattr("policy.train.train", train)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/collect.json").write_text("{}")
    return stages


def shared(tmp_path, *overrides):
    names = "[1_control,2_cotrain]"
    config = conf.load(["stage=all", f"collect.out={tmp_path / 'data'}", "train.budget=ablation", f"train.stages={names}", *overrides])
    return point_run.train_shared(config, tmp_path / "stages")


def test_stages_that_points_share_are_trained_once(tmp_path, trained):
    one, _ = shared(tmp_path, "train.text_ratio=3:1")
    two, _ = shared(tmp_path, "train.text_ratio=1:1")
    assert [name for name, _ in trained] == ["1_control", "2_cotrain", "2_cotrain"]
    assert trained[1][1] is not None  # the one first stage, from which both go on
    assert trained[1][1] == trained[2][1]
    assert one != two
    assert shared(tmp_path, "train.text_ratio=1:1", "trials=3", "train.out=elsewhere", "train.workers=2")[0] == two
    assert len(trained) == 3


@pytest.mark.parametrize("override", ["seed=1", "train.experts=dense", "train.steps_scale=2", "train.lora=4"])
def test_what_decides_a_stage_trains_it_anew(tmp_path, trained, override):
    first, costs = shared(tmp_path)
    assert shared(tmp_path, override)[0] != first
    assert len(trained) == 4
    assert costs["parameters"]["parameters"] > costs["parameters"]["parameters_of_action"] > 0


def test_points_that_want_other_demonstrations_in_one_folder_are_refused(monkeypatch):
    monkeypatch.setattr(sweep, "collect", lambda *_: pytest.fail("collected before all points were looked at"))
    with pytest.raises(UsageError, match=r"want different demonstrations in outputs/data/sort_toys; give collect\.seed=0"):
        sweep.collect_once(grid(["stage=all", "seed=1,2"]))


def test_demonstrations_that_points_share_are_collected_once(tmp_path, monkeypatch):
    seeds = []
    monkeypatch.setattr(sweep, "collect", lambda config, _: seeds.append(config.collect.seed))
    points = ["stage=all", "seed=1,2", "collect.seed=0", f"collect.out={tmp_path}"]
    for _ in range(2):
        sweep.collect_once(grid(points))
    assert seeds == [0]
    sweep.collect_once(grid([*points, "collect.episodes=3"]))
    assert seeds == [0, 0]


def test_the_time_that_is_left_is_that_of_the_finished_points():
    states = [{"state": "done", "minutes": 4.0}, {"state": "running", "began": 1000.0}, {}, {"state": "failed"}]
    assert live.minutes_left(states, 1, now=1060.0) == pytest.approx(4 + 3)
    assert live.minutes_left(states[1:], 1) is None


def test_answers_and_benchmarks_become_rows():
    rate = {"n": 4, "correct": 3, "low": 0.3, "high": 0.95, "majority": 0.5}
    summary = {
        "env": "take_lid", "n_episodes": 2, "pc_success": 50.0, "pc_success_ci95": [9.5, 90.5], "avg_len": 0.5, "avg_len_ci95": [0.1, 0.9],
        "mean_steps_done": 0.5, "step_counts": [1], "infer_ms_p50": None, "questions": {"overall": rate, "families": {"where": rate}}, "math": None,
    }  # fmt: skip
    rows = {row["metric"]: row for row in summary_rows(summary)}
    assert rows["answers/where"]["value"] == 0.75
    assert (rows["success"]["value"], rows["success"]["low"]) == (0.5, 0.095)
    assert list(summary_rows({"benchmarks": {"mmmu": {"value": 37.4}}})) == [{"env": None, "metric": "benchmark/mmmu", "value": 37.4}]


def test_the_command_line_tells_of_failures_by_its_exit_code(tmp_path, capsys):
    assert run.main(["-m", *QUICK, "policy=zero", "stage=report", f"out={tmp_path}", "sweep.jobs=0"]) == 1
    assert "failed: UsageError: no results in" in capsys.readouterr().out
    assert run.main(["-m", "seed=1,1"]) == 2
    assert run.main(["-m", "sed=1"]) == 2


def test_a_folder_without_a_sweep_says_so(tmp_path):
    with pytest.raises(UsageError, match=r"no sweep in .*; give the folder of one"):
        sweep.load(tmp_path)


def test_the_setting_of_ablations_is_a_set_of_overrides():
    config = conf.load(["setting=ablation", "trials=3"])
    assert (config.stage, config.train.budget, config.trials, config.collect.seed) == ("all", "ablation", "3", 0)
    assert json.dumps(conf.load(["setting=none"]).train.__dict__) == json.dumps(conf.TrainOptions().__dict__)

"""The gap by task: each level of each task beside the task as trained, layouts of training too."""

import json

import pytest

from experiments.gap_figure import gap_table, heat_map
from experiments.gaps import by_task, levels_of, unpaired_difference
from experiments.robustness import headline, level_options
from experiments.scoring import newcombe, rate
from experiments.sweeping import tidy
from tests.experiments.test_report import row


def rows(level, env, steps_done):
    split, shift = ("train", "none") if level == "seen" else ("test", level)
    return [row(i, n, env=env, split=split, shift=shift, progress=n / 4) for i, n in enumerate(steps_done)]


ROWS = {
    "none": [*rows("none", "sort_toys", [4, 4, 3, 4, 4, 4, 4, 4]), *rows("none", "hang_cup", [4, 0, 4, 0, 4, 0, 4, 0])],
    "seen": [*rows("seen", "sort_toys", [4] * 8), *rows("seen", "hang_cup", [4] * 8)],
    "camera": [*rows("camera", "sort_toys", [1, 0, 1, 0, 1, 0, 0, 0]), *rows("camera", "hang_cup", [4, 0, 4, 0, 4, 0, 4, 4])],
    "light": rows("light", "sort_toys", [4, 4, 3, 4, 4, 4, 4, 4]),
}


def gap(level):
    assert level.difference is not None
    return level.difference


def test_newcombe_s_interval_is_the_published_one():
    """Newcombe (1998), Statistics in Medicine 17, Table II, (a): 56/70 - 48/80, method 10."""
    low, high = newcombe(rate(48, 80), rate(56, 70))
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe(rate(56, 70), rate(48, 80)) == pytest.approx((-high, -low))


def test_layouts_of_training_are_compared_unpaired():
    """Trial 0 of training is another layout than trial 0 of test."""
    seen = by_task(ROWS)["hang_cup"][1]
    assert (seen.name, gap(seen).value, gap(seen).trials) == ("seen", 0.5, 8)
    assert (gap(seen).worse, gap(seen).better) == (None, None)
    assert (gap(seen).low, gap(seen).high) == newcombe(rate(4, 8), rate(8, 8))
    assert unpaired_difference(rate(0, 0), rate(4, 8)) is None


def test_each_task_has_its_own_gap():
    tasks = by_task(ROWS)
    assert list(tasks) == ["sort_toys", "hang_cup"]
    of = {env: {level.name: level for level in levels} for env, levels in tasks.items()}
    assert list(of["sort_toys"]) == ["none", "seen", "light", "camera"]
    assert "light" not in of["hang_cup"]
    assert gap(of["sort_toys"]["camera"]).value == pytest.approx(3 / 32 - 31 / 32)
    assert of["sort_toys"]["camera"].matters
    assert (gap(of["hang_cup"]["camera"]).worse, gap(of["hang_cup"]["camera"]).better) == (0, 1)
    assert not of["sort_toys"]["light"].matters


def test_a_gap_over_few_trials_does_not_stand_out():
    few = {level: some[:3] for level, some in ROWS.items()}
    (_, seen, _, camera) = levels_of(few)
    assert gap(camera).high < 0
    assert not camera.matters
    assert "3 trials are too few" in headline(levels_of(few))
    assert seen.difference is not None


def test_the_table_has_a_line_a_task_and_a_dash_where_nothing_was_run():
    head, sort, hang = gap_table(by_task(ROWS))
    assert head == ["task", "none", "seen", "light", "camera"]
    assert sort[1].startswith("0.97 [")
    assert sort[4].startswith("**-0.88 [")
    assert hang[3] == "-"


def test_the_figure_colours_by_the_gap_and_says_its_number():
    figure = heat_map(by_task(ROWS))
    assert figure.count("<rect") == 2 * 4
    assert "sort_toys, camera: -0.88 [" in figure
    assert figure.count("fill:#e07b00") == 1
    assert ">-</text>" in figure


def test_the_headline_tells_the_gap_to_training_and_blames_no_level_for_it():
    levels = {"none": rows("none", "a", [4] * 8), "seen": rows("seen", "a", [0] * 8)}
    assert headline(levels_of(levels)).endswith("0 trials are too few to say what breaks it, expected at least 6")
    told = headline(levels_of(levels | {"light": rows("light", "a", [4] * 8)}))
    assert "seen -1.00 [" in told
    assert told.endswith("broken by: no level")


def test_a_run_on_layouts_of_training_has_no_such_level():
    assert level_options("seen", "train") is None
    assert level_options("seen", "test") == {"shift": "none", "split": "train"}
    assert level_options("camera", "train") == {"shift": "camera", "split": "train"}


def test_a_sweep_of_robustness_has_each_level_s_numbers_apart(tmp_path):
    results = tmp_path / "results"
    level = {"env": "a", "n_episodes": 2, "pc_success": 50.0, "pc_success_ci95": [9.5, 90.5], "avg_len": 0.5, "avg_len_ci95": [0.1, 0.9]}
    level |= {"mean_steps_done": 0.5, "step_counts": [1], "infer_ms_p50": None, "questions": None, "math": None}
    difference = {"value": -0.5, "low": -0.7, "high": -0.3, "trials": 2, "worse": 1, "better": 0}
    whole = {"levels": {}, "tasks": {"a": {"none": {"difference": None}, "camera": {"difference": difference}}}}
    for name, summary in {"": whole, "none": level, "camera": level}.items():
        (results / name).mkdir(parents=True, exist_ok=True)
        (results / name / "summary.json").write_text(json.dumps(summary))
    (tmp_path / "state.json").write_text(json.dumps({"state": "done"}))
    found = {r["metric"]: r for r in tidy.point_rows(tmp_path)}
    assert (found["camera/gap"]["value"], found["camera/gap"]["high"], found["camera/gap"]["n"]) == (-0.5, -0.3, 2)
    assert {"none/success", "camera/success"} <= set(found)
    assert "success" not in found

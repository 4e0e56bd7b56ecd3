"""Runs as tables: trials that were asked for, rates with their intervals, and what notebook 01 makes of them."""

from __future__ import annotations

import pandas as pd
import pytest

from experiments.errors import UsageError
from experiments.notebooks import runs, tasks
from experiments.scoring import wilson


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    out = tmp_path_factory.mktemp("expert")
    found = runs.run("env=[close_drawer,take_lid]", "policy=expert", "trials=2", "video=none", "workers=0", f"out={out}")
    return out, found


def test_a_run_gives_the_trials_that_it_asked_for(expert):
    out, found = expert
    assert found[["env", "trial", "success"]].to_numpy().tolist() == [["close_drawer", 0, True], ["close_drawer", 1, True], ["take_lid", 0, True], ["take_lid", 1, True]]
    fewer = runs.run("env=[close_drawer,take_lid]", "policy=expert", "trials=1", "video=none", "workers=0", f"out={out}")
    assert len(fewer) == 2


def test_rates_have_wilson_s_intervals(expert):
    _, found = expert
    (row, _) = runs.rates(found, ["env"]).to_dict("records")
    assert (row["env"], row["value"], row["n"]) == ("close_drawer", 1.0, 2)
    assert (row["low"], row["high"]) == wilson(2, 2)


def test_a_folder_without_results_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"no results\.jsonl below"):
        runs.trials(tmp_path)


def test_the_closing_table_names_what_failed_and_what_moved():
    def table(env, done):
        return pd.DataFrame({"env": env, "success": [d == 2 for d in done], "progress": [d / 2 for d in done], "steps_done": done})

    speed = {"cpu_ms": {"cameras": {"median": 10.0}}, "robosuite_over_ours": {"median": 13.0, "min": 12.5, "max": 14.0}}
    held = tasks.closing(table("a", [2, 2]), table("a", [0, 0]), speed)
    assert held["verdict"].tolist() == ["held", "held", "held"]
    assert "13.0 times as much (12.5-14.0)" in held["measured"].iloc[2]
    fell = tasks.closing(table("a", [2, 1]), table("a", [0, 1]), {**speed, "robosuite_over_ours": None})
    assert fell["verdict"].tolist() == ["all but 1 of a", "not in a", "not compared"]


def test_the_paper_s_rates_are_of_its_own_tasks():
    found = tasks.paper_rates(["take_lid", "open_drawer"])
    assert found[["env", "value"]].to_numpy().tolist() == [["take_lid", 1.0]]
    assert tasks.by_scene(["take_lid", "open_drawer", "hang_cup"]) == {"tabletop": ["take_lid", "hang_cup"], "toy": ["open_drawer"]}
    assert tasks.paper_means().loc["ChatVLA", "all"] == 0.61

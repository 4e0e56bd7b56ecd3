"""The studies: each point is a run that the command line takes, and rows of a sweep become points of an arm."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from experiments import config as conf
from experiments.errors import UsageError
from experiments.notebooks import studies, sweeps
from experiments.notebooks.verdicts import SEEDS_FOR_A_CLAIM
from experiments.sweeping.points import grid


@pytest.fixture
def results(tmp_path, monkeypatch):
    for module in (studies, sweeps):
        monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


@pytest.mark.parametrize("study", studies.STUDIES.values(), ids=lambda s: s.name)
def test_each_point_is_a_run_and_each_arm_has_seeds_enough(study):
    found = grid(study.overrides, study.points)
    arms = [study.arm_of(point.values) for point in found]
    assert set(arms) == set(study.arms)
    assert all(arms.count(arm) >= SEEDS_FOR_A_CLAIM for arm in study.arms)
    config = conf.load(found[0].overrides)
    assert config.stage == "all"
    for claim in study.claims:
        assert {claim.better, claim.worse} <= set(study.arms)
        assert claim.metric in study.metrics


def test_rows_become_points_of_their_arms():
    rows = [
        {"train.experts": "static", "seed": 1, "metric": "progress", "value": 0.5, "n": 16},
        {"train.experts": "static", "seed": 1, "metric": "answers", "value": 0.8, "n": 300},
        {"train.experts": "static", "seed": 1, "metric": "infer_ms", "value": 20, "n": 16},
        {"train.experts": "dynamic", "seed": 1, "metric": "progress", "value": 0.5, "n": 16},
    ]
    found = studies.points("experts", pd.DataFrame(rows))
    assert found.to_numpy().tolist() == [["static", 1, "control", 0.5], ["static", 1, "answers", 0.8]]


def test_scores_out_of_points_become_shares():
    rows = [{"train.expert_count": 8, "train.top_k": 2, "seed": 1, "metric": metric, "value": value, "n": 16} for metric, value in (("ocr", 3.0), ("math", 1.0), ("progress", 0.5))]
    assert studies.points("expert_counts", pd.DataFrame(rows))["value"].tolist() == [0.75, 0.5, 0.5]


def test_what_was_not_run_says_so(results):
    table = studies.results("phases")
    assert not len(studies.points("phases", table))
    told = studies.ran("phases", table)
    assert told["networks"].tolist() == [0, 0, 0]
    assert set(told["not done because"]) == {"not run yet"}


def test_a_study_is_run_written_and_read(results, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = replace(studies.find("experts"), name="small", overrides=("env=take_lid", "trials=1", "video=none", "workers=0"), points=(("policy=expert", "seed=1"), ("policy=zero", "seed=2")), arm="{policy}", arms={"expert": "expert", "zero": "nothing"}, metrics=("control",))
    monkeypatch.setattr(studies, "STUDIES", {"small": small})
    sweeps.run(small, jobs=0)
    table = studies.results("small")
    found = studies.points("small", table).set_index("arm")["value"]
    assert (found["expert"], found["zero"]) == (1.0, 0.0)
    told = studies.ran("small", table)
    assert told["trials each"].tolist() == ["1", "1"]
    assert told["networks"].tolist() == [1, 1]


def test_a_study_that_does_not_exist_is_told(capsys):
    with pytest.raises(UsageError, match="did you mean 'phases'"):
        studies.find("phase")
    assert sweeps.main(["phase"]) == 2
    assert sweeps.main([]) == 2
    assert "expected names of experts, phases" in capsys.readouterr().err

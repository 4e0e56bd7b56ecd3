"""A run that cannot work says so before it starts."""

import json
from pathlib import Path

import pytest

from envs import names
from experiments import config, evaluation, stages
from experiments.errors import UsageError
from experiments.policies import checkpoint_hash
from policy.checkpoint import contract


def evaluate(tmp_path, folder):
    evaluation.evaluate(config.load([f"checkpoint={folder}", f"out={tmp_path / 'out'}"]), "command")


def test_a_checkpoint_of_another_contract_is_refused_and_no_trial_is_run(tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "contract.json").write_text(json.dumps(contract() | {"horizon": 50}))
    with pytest.raises(UsageError, match="made for another contract: horizon is 50, this code has 16"):
        evaluate(tmp_path, folder)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_checkpoint_is_refused(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(UsageError, match=r"contract\.json"):
        evaluate(tmp_path, folder)


def test_a_group_is_collected_in_one_pool_each_task_into_its_folder(monkeypatch):
    wanted = []
    monkeypatch.setattr("experiments.collect.collect", lambda *configs: wanted.extend(configs))
    stages.run_stage(config.load(["stage=collect", "env=[sort_toys,take_lid]", "workers=ray", "collect.episodes=3"]), "command")
    assert [(c.env, str(c.root), c.workers, c.episodes) for c in wanted] == [
        ("sort_toys", "outputs/data/sort_toys", "ray", 3), ("take_lid", "outputs/data/take_lid", "ray", 3)
    ]  # fmt: skip
    stages.run_stage(config.load(["stage=collect", "env=[sort_toys,take_lid]", "collect.out=elsewhere"]), "command")
    assert [str(c.root) for c in wanted[2:]] == ["elsewhere/sort_toys", "elsewhere/take_lid"]


def test_corrections_of_a_group_are_recorded_in_one_pool_for_a_policy_that_learns(monkeypatch):
    wanted = []
    monkeypatch.setattr("experiments.correct.correct", lambda *given: wanted.append(given))
    stages.run_stage(config.load(["stage=correct", "env=[sort_toys,take_lid]", "policy=chatvla_tiny", "corrections=3", "workers=0"]), "command")
    roots, folder, *rest = wanted[0]
    assert roots == {"sort_toys": Path("outputs/data/sort_toys"), "take_lid": Path("outputs/data/take_lid")}
    assert rest == [checkpoint_hash(folder), 3, 0]
    with pytest.raises(UsageError, match="policy 'expert' learns nothing from corrections; choose policy=chatvla_tiny"):
        stages.run_stage(config.load(["stage=correct", "policy=expert"]), "command")


def test_one_network_is_trained_on_the_data_of_a_whole_group(monkeypatch):
    wanted = []
    monkeypatch.setattr("policy.train.train", wanted.append)
    stages.run_stage(config.load(["stage=train", "env=direct", "collect.out=elsewhere"]), "command")
    stages.run_stage(config.load(["stage=train", "env=sort_toys"]), "command")
    assert wanted[0].data == tuple(f"elsewhere/{env}" for env in names.DIRECT)
    assert (wanted[0].out, wanted[1].out) == ("outputs/train/chatvla_tiny-direct", "outputs/train/chatvla_tiny")
    assert wanted[1].data == "outputs/data/sort_toys"


def test_a_replay_without_recordings_says_what_to_run(tmp_path):
    with pytest.raises(UsageError, match=r"no recorded trial in .*; run stage=evaluate first, or give out= and env="):
        stages.run_stage(config.load(["stage=replay", f"out={tmp_path}"]), "command")

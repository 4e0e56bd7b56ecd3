"""A run that cannot work says so before it starts."""

import json

import pytest

from experiments import config, evaluation
from experiments.errors import UsageError
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

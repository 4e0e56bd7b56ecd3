"""The recovery curve as a table: what came back, what was saved, and what must be given."""

from __future__ import annotations

import pytest

from experiments.forgetting.recovery import Curve, Recovery
from experiments.notebooks import recovered

STEPS = (0, 10)
FOUND = Recovery(0.9, Curve(STEPS, (0.3, 0.8)), Curve(STEPS, (0.0, 0.2)), Curve(STEPS, (0.1, 0.4)))


def test_the_table_is_read_as_it_was_written(tmp_path):
    recovered.table(FOUND).to_csv(tmp_path / "recovery.csv", index=False)
    found = recovered.curves(tmp_path / "recovery.csv")
    assert set(found["name"]) == {recovered.KNOWN, recovered.FORGOTTEN, *recovered.CONTROLS}
    told = recovered.shares(found)
    assert told.loc[10, "came back"] == pytest.approx(0.83)
    assert told.loc[10, "savings"] == pytest.approx(0.4)


def test_without_a_run_there_is_nothing(tmp_path):
    found = recovered.curves(tmp_path / "none.csv")
    assert not len(found)
    assert not len(recovered.shares(found))


def test_families_are_taught_or_asked():
    assert not set(recovered.TAUGHT) & set(recovered.HELD)


def test_a_checkpoint_that_is_not_given_is_told(capsys):
    assert recovered.main(["forgotten=somewhere"]) == 2
    assert "robot_only= is missing" in capsys.readouterr().err


def test_networks_with_other_words_are_refused(capsys):
    shipped = "policy/checkpoints/chatvla_tiny"
    assert recovered.main([f"known={shipped}", f"forgotten={shipped}", f"robot_only={shipped}_multitask"]) == 2
    assert f"robot_only={shipped}_multitask has other words than known={shipped}; copy the tokenizer.json" in capsys.readouterr().err

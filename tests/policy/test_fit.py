"""Training: freezing holds bit by bit, resuming changes nothing, the loss of one batch falls."""

from __future__ import annotations

import csv
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from policy.chatvla import ChatVLA
from policy.experts import is_control_expert, is_understanding_expert
from policy.fit import FitSetting, fit_stage
from policy.freezing import freeze, is_head
from policy.normalizer import NormStats
from policy.parts import WHOLE, Part
from policy.rows import Batches
from policy.stages import STAGES, Mixture, Stage

GROUND, CONTROL, COTRAIN, HEAD, ANSWER = STAGES["chatvla_tiny"]
SMALL = Mixture(robot=1, grounding=1, understanding=1)


@pytest.fixture(scope="module")
def policy(processor) -> ChatVLA:
    torch.manual_seed(0)
    return ChatVLA(processor.config, NormStats.unit())


def small(stage: Stage, steps: int, **changes) -> Stage:
    mixture = Mixture(**{k: min(v, 1) for k, v in vars(stage.mixture).items()})
    return replace(stage, mixture=mixture, steps=steps, warmup=2, **changes)


def weights(policy: ChatVLA) -> dict[str, Tensor]:
    return {k: v.clone() for k, v in policy.state_dict().items()}


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {k for k in before if not torch.equal(before[k], after[k])}


def run(stage: Stage, policy: ChatVLA, data: Path, processor, folder: Path, **setting) -> dict[str, Tensor]:
    fit_stage(stage, policy, Batches(data, processor, stage), FitSetting(folder, accelerator="cpu", **setting))
    return weights(policy)


def test_stage_1_leaves_the_understanding_expert_as_it_is_bit_by_bit(policy, data, processor, tmp_path):
    policy = deepcopy(policy)
    before = weights(policy)
    moved = changed(before, run(small(CONTROL, 2), policy, data, processor, tmp_path))
    assert not {n for n in moved if is_understanding_expert(n)}
    assert {n for n in moved if is_control_expert(n)}
    assert {n for n in moved if is_head(n)}


def test_stage_0_trains_the_understanding_expert_alone(policy, data, processor, tmp_path):
    policy = deepcopy(policy)
    before = weights(policy)
    moved = changed(before, run(small(GROUND, 2), policy, data, processor, tmp_path))
    assert {n for n in moved if is_understanding_expert(n)}
    assert not {n for n in moved if is_control_expert(n) or is_head(n)}


def test_stage_5_moves_nothing_but_the_understanding_expert(policy, data, processor, tmp_path):
    policy = deepcopy(policy)
    before = weights(policy)
    moved = changed(before, run(small(ANSWER, 2), policy, data, processor, tmp_path))
    assert moved
    assert all(is_understanding_expert(n) for n in moved)


def test_six_steps_equal_three_and_three_resumed(policy, data, processor, tmp_path):
    stage = small(COTRAIN, 6)
    straight = run(stage, deepcopy(policy), data, processor, tmp_path / "straight", checkpoint_steps=6)
    half = deepcopy(policy)
    run(stage, half, data, processor, tmp_path / "two", checkpoint_steps=3, stop_at=3)
    resumed = run(stage, deepcopy(policy), data, processor, tmp_path / "two", checkpoint_steps=3)
    assert not changed(straight, resumed)
    assert changed(straight, weights(half))


def test_every_parameter_is_free_again_and_the_log_has_rows(policy, data, processor, tmp_path):
    policy = deepcopy(policy)
    run(small(CONTROL, 2), policy, data, processor, tmp_path)
    assert all(p.requires_grad for p in policy.parameters())
    rows = list(csv.DictReader((tmp_path / "training_log.csv").open()))
    assert rows[-1]["stage"] == "1_control"
    assert rows[-1]["step"] == "2"
    assert float(rows[-1]["loss"]) > 0


def test_a_time_budget_ends_the_stage(policy, data, processor, tmp_path):
    run(small(COTRAIN, 10_000), deepcopy(policy), data, processor, tmp_path, minutes=0.02)


class Same:
    """The first batch, again and again."""

    def __init__(self, source: Batches) -> None:
        self.first = source.batch(0)

    def batch(self, number: int, part: Part = WHOLE):
        return self.first


def test_the_loss_of_one_batch_falls(policy, data, processor, tmp_path):
    policy = deepcopy(policy)
    stage = replace(COTRAIN, mixture=SMALL, steps=16, warmup=2, augment=False)
    source = Same(Batches(data, processor, stage))
    with torch.no_grad():
        torch.manual_seed(0)
        before = policy(source.first)
        fit_stage(stage, policy.train(), source, FitSetting(tmp_path, accelerator="cpu"))
        torch.manual_seed(0)
        after = policy(source.first)
    assert after["lm"] < 0.7 * before["lm"]
    assert after["words"] < 0.9 * before["words"]


def test_an_unknown_part_names_the_nearest(policy):
    with pytest.raises(ValueError, match="unknown part 'understanding_experts'; did you mean 'understanding_expert'"):
        freeze(policy, ["understanding_experts"])


def test_a_log_file_gets_the_losses_in_lines(policy, data, processor, tmp_path, capsys):
    run(small(COTRAIN, 2), deepcopy(policy), data, processor, tmp_path, progress=True)
    told = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in told] == ["2_cotrain: 1/2", "2_cotrain: 2/2"]
    assert all("; loss " in line and "action " in line for line in told)


def test_on_a_terminal_the_bar_has_the_name_of_the_stage(policy, data, processor, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    run(small(COTRAIN, 1), deepcopy(policy), data, processor, tmp_path, progress=True)
    told = capsys.readouterr().out
    assert "2_cotrain" in told
    assert "Epoch" not in told

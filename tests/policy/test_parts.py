"""Steps in parts: together the parts are the whole, in rows and in what is learnt from them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from policy.chatvla import ChatVLA
from policy.datamodule import Stream, pieces
from policy.features import Features
from policy.fit import FitSetting, fit_stage
from policy.normalizer import NormStats
from policy.parts import WHOLE, Part, check_parts, parts_of
from policy.rows import Batches
from policy.shares import LOSSES, supervised, weighed
from policy.stages import STAGES, Mixture, Stage

ANSWER = Stage("answer", Mixture(understanding=4), 2, 1e-2, route="understanding", frozen=("all_but_understanding_expert",), ema=0)
COTRAIN = replace(STAGES["chatvla_tiny"][2], mixture=Mixture(4, 2, 4))


@pytest.fixture(scope="module")
def batches(data, processor) -> Batches:
    return Batches(data, processor, COTRAIN, seed=3)


def test_parts_share_all_rows_between_processes_and_turns():
    parts = [part for rank in range(2) for part in parts_of(rank, 2, 3)]
    assert parts == [Part(i, 6) for i in range(6)]
    assert sorted(i for part in parts for i in part.of(17)) == list(range(17))
    assert list(WHOLE.of(3)) == [0, 1, 2]


def test_the_rows_of_the_parts_are_the_rows_of_the_batch(batches):
    whole, parts = batches.batch(7), [batches.batch(7, Part(i, 2)) for i in range(2)]
    assert [p.n_control for p in parts] == [3, 3]
    torch.testing.assert_close(parts[0].actions[:2], whole.actions[0:4:2])
    torch.testing.assert_close(parts[1].actions[:2], whole.actions[1:4:2])
    assert torch.equal(parts[1].images[:3], whole.images[3:6])
    assert sum(supervised(p) for p in parts)[0] == supervised(whole)[0]  # type: ignore[index]


def test_a_process_is_served_its_own_parts_in_turn(batches):
    stream = iter(Stream(batches, 5, parts_of(1, 2, 2)))
    made = [*next(stream), *next(stream)]
    assert [p.part for p in made] == [Part(2, 4), Part(3, 4)] * 2
    assert torch.equal(made[2].batch.actions, batches.batch(6, Part(2, 4)).actions)


def test_each_piece_knows_the_labels_of_all_that_its_process_computes(batches):
    made = pieces(batches, 0, parts_of(0, 2, 2))
    torch.testing.assert_close(made[0].supervised, supervised(made[0].batch) + supervised(made[1].batch))
    assert torch.equal(made[0].supervised, made[1].supervised)


def test_shares_make_the_mean_of_parts_the_mean_over_all_labels():
    means, labels = torch.tensor([1.0, 4.0]), torch.tensor([3.0, 1.0], dtype=torch.float64)
    weights = {"lm": 2.0, "action": 1.0}
    total = 0.0
    for mean, count in zip(means, labels, strict=True):
        losses = {"lm": mean, "action": torch.tensor(5.0), "loss": 2 * mean + 5, "balance": torch.tensor(0.0)}
        shares = torch.ones(len(LOSSES), dtype=torch.float64)
        shares[0] = count * 2 / labels.sum()
        total += weighed(losses, weights, shares) / 2
    assert float(total) == pytest.approx(2 * (3 * 1 + 1 * 4) / 4 + 5)


def test_features_are_weighed_by_their_actions():
    mask = torch.zeros(2, 16, dtype=torch.bool)
    mask[0, :5] = True
    assert supervised(Features(torch.zeros(2, 3), torch.zeros(2, 16, 10), mask)).tolist() == [0, 5, 0, 0]


def test_two_turns_of_half_a_batch_teach_what_the_whole_batch_teaches(data, processor, tmp_path):
    """Rows of unequal numbers of answers, so that the mean of the halves' means would be another."""
    torch.manual_seed(0)
    policy, source = ChatVLA(processor.config, NormStats.unit()), Batches(data, processor, ANSWER)
    halves = [int(supervised(source.batch(0, Part(i, 2)))[0]) for i in range(2)]
    assert halves[0] != halves[1]
    learnt = []
    for turns in (1, 2):
        setting = FitSetting(tmp_path / str(turns), accelerator="cpu", precision="32-true", accumulate=turns)
        learnt.append(fit_stage(ANSWER, deepcopy(policy), source, setting).state_dict())
    moved = 0
    for name, before in policy.state_dict().items():
        torch.testing.assert_close(learnt[0][name], learnt[1][name], rtol=0, atol=2e-4)
        moved += not torch.equal(before, learnt[0][name])
    assert moved


def test_resuming_between_the_turns_changes_nothing(data, processor, tmp_path):
    torch.manual_seed(0)
    stage = replace(COTRAIN, mixture=Mixture(2, 0, 2), steps=4, ema=0)
    policy, source = ChatVLA(processor.config, NormStats.unit()), Batches(data, processor, stage)

    def run(folder: str, **more) -> dict[str, torch.Tensor]:
        setting = FitSetting(tmp_path / folder, accelerator="cpu", accumulate=2, **more)
        return fit_stage(stage, deepcopy(policy), source, setting).state_dict()

    straight = run("straight")
    run("two", checkpoint_steps=2, stop_at=2)
    resumed = run("two", checkpoint_steps=2)
    assert all(torch.equal(straight[k], resumed[k]) for k in straight)


def test_more_parts_than_rows_of_a_kind_are_refused():
    check_parts(Mixture(robot=96, understanding=32), 32)
    with pytest.raises(ValueError, match=r"a batch with 9 robot and 3 grounding rows cannot be split into 16 parts .*take fewer parts"):
        check_parts(Mixture(9, 3, 16), 16)

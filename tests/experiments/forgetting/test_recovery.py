"""Recovery tells knowledge out of reach from knowledge that is lost, by what its two controls learn meanwhile."""

import json
from typing import Any

import pytest
import torch
from torch import nn

from experiments.forgetting.recovery import Curve, Recovery, language_teacher, recovery, recovery_curve, with_families
from policy.recorded import read_questions
from tests.policy.small import small_batch, small_model

STEPS = (0, 10, 50)


def curve(*accuracy):
    return Curve(STEPS, accuracy)


def test_what_comes_back_is_a_share_of_what_was_lost():
    r = Recovery(0.9, curve(0.1, 0.5, 0.9), curve(0.0, 0.1, 0.3), curve(0.1, 0.1, 0.4))
    assert [r.spurious_share(k) for k in STEPS] == pytest.approx([0, 0.5, 1])
    assert r.savings(50) == pytest.approx(0.5)


def test_true_loss_shows_no_savings_even_if_all_is_learnt_again():
    r = Recovery(0.9, curve(0.1, 0.5, 0.9), curve(0.0, 0.5, 0.9), curve(0.1, 0.4, 0.8))
    assert r.spurious_share(50) == pytest.approx(1)
    assert [r.savings(k) for k in (10, 50)] == pytest.approx([0, 0])


def test_a_share_of_nothing_is_refused():
    with pytest.raises(ValueError, match="nothing was forgotten that could come back"):
        Recovery(0.5, curve(0.5, 0.5, 0.5), curve(0, 0, 0), curve(0, 0, 0)).spurious_share(10)


def test_curves_of_different_steps_are_refused():
    with pytest.raises(ValueError, match="teach all three alike"):
        Recovery(0.9, curve(0, 0, 0), Curve((0, 10), (0, 0)), curve(0, 0, 0))


def test_a_step_that_was_not_asked_is_refused():
    with pytest.raises(ValueError, match="no accuracy after 20 steps; the curve has 0, 10, 50"):
        curve(0, 0, 0).at(20)


class Gated(nn.Module):
    """Knows `knowledge`; answers with it only as far as its gate is open, and teaching opens the gate and nothing else."""

    def __init__(self, knowledge, gate):
        super().__init__()
        self.knowledge = nn.Parameter(torch.tensor(float(knowledge)), requires_grad=False)
        self.gate = nn.Parameter(torch.tensor(float(gate)))


def accuracy(model: Any) -> float:
    return float((model.knowledge * model.gate.clamp(0, 1)).detach())


def open_gate(model):
    def teach(number):
        with torch.no_grad():
            model.gate += 0.02

    return teach


def test_a_network_that_only_shut_its_gate_recovers_and_one_that_never_knew_does_not():
    start = Gated(0.9, 0)
    r = recovery(0.9, start, Gated(0, 0), Gated(0, 0), open_gate, accuracy, STEPS)
    assert r.spurious_share(50) == pytest.approx(1)
    assert r.savings(50) == pytest.approx(0.9)
    assert r.spurious_share(10) == pytest.approx(0.2)
    assert float(start.gate.detach()) == 0, "the network itself stays as it was"


def test_lessons_go_on_where_they_stopped():
    heard = []
    recovery_curve(Gated(1, 0), lambda model: heard.append, lambda m: 0.0, (0, 2, 5))
    assert heard == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("steps", [(), (10, 50), (0, 50, 10), (0, 10, 10)])
def test_steps_that_do_not_rise_from_0_are_refused(steps):
    with pytest.raises(ValueError, match="expected rising numbers from 0"):
        recovery_curve(Gated(1, 0), open_gate, lambda m: 0.0, steps)


def test_the_language_teacher_lowers_the_language_loss_of_its_batches():
    model, batch = small_model(), small_batch(0, 2)
    curve = recovery_curve(model, language_teacher(lambda number: batch, 3e-3), lambda m: -float(m(batch)["lm"].detach()), (0, 15))
    assert curve.at(15) > curve.at(0) + 0.3


def test_a_data_folder_is_narrowed_to_some_families(data, tmp_path):
    out = with_families(data, tmp_path / "a", ["cell", "exists"])
    kept = read_questions(out / "questions" / "train.jsonl")
    assert {q.family for q in kept} == {"cell", "exists"}
    assert len(kept) == sum(q.family in ("cell", "exists") for q in read_questions(data / "questions" / "train.jsonl"))
    assert json.loads((out / "cache" / "tasks.json").read_text())
    with pytest.raises(ValueError, match="no training question of cells"):
        with_families(data, tmp_path / "b", ["cells"])

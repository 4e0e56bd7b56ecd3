"""A whole training on made-up data: stages in turn, finished ones skipped, a checkpoint that speaks and acts."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from envs.types import Observation
from policy import checkpoint
from policy.inference import ChatVLAPolicy
from policy.normalizer import NormStats
from policy.stages import STAGES, Mixture, learning_rate
from policy.start import policy_from
from policy.tokenizer import load_tokenizer
from policy.train import train
from policy.train_config import TrainConfig, selected
from tests.policy.synthetic import INSTRUCTION


@pytest.fixture(scope="module")
def config(data, tmp_path_factory) -> TrainConfig:
    out = str(tmp_path_factory.mktemp("trained"))
    return TrainConfig(data=str(data), out=out, accelerator="cpu", progress=False, questions=8, feature_frames=16)


@pytest.fixture(scope="module")
def trained(config) -> Path:
    return train(config, stages())


def stages():
    small = [
        replace(s, steps=2, mixture=Mixture(**{k: min(v, 1) for k, v in vars(s.mixture).items()}))
        for s in STAGES["chatvla_tiny"]
    ]
    return tuple(small)


def test_every_stage_leaves_a_checkpoint_and_its_question_accuracy(config, trained):
    for stage in stages():
        assert (Path(config.out) / stage.name / "checkpoint" / "contract.json").is_file()
        assert (Path(config.out) / stage.name / "questions.json").is_file()
        found = json.loads((Path(config.out) / stage.name / "positions.json").read_text())["sort_toys"]
        assert found["n"] > 0
        assert 0 <= found["named"] <= 1
        assert 0 < found["object_cm"] <= found["object_cm_p90"]
    assert trained.parent.name == "4_answer"


def test_the_last_checkpoint_speaks_acts_and_answers(trained):
    policy = ChatVLAPolicy.from_pretrained(trained)
    frame = np.zeros((240, 320, 3), np.uint8)
    observation: Observation = {
        "pixels": dict.fromkeys(("left", "right", "wrist"), frame),
        "agent_pos": np.zeros(17, np.float32),
    }
    inference = policy.infer(observation, INSTRUCTION)
    assert inference.action_chunk.shape == (16, 10)
    assert isinstance(policy.answer(frame, "is there a duck?"), str)


def test_finished_stages_are_not_run_again(config, trained):
    marks = {p: p.stat().st_mtime_ns for p in Path(config.out).rglob("*.safetensors")}
    assert train(config, stages()) == trained
    assert marks == {p: p.stat().st_mtime_ns for p in Path(config.out).rglob("*.safetensors")}


def test_an_unknown_stage_names_the_nearest(config):
    with pytest.raises(ValueError, match="unknown training stage 'cotrain'; did you mean '2_cotrain'"):
        selected(replace(config, stages=("cotrain",)))


def test_a_single_stage_goes_on_from_the_one_before_it(config, trained, tmp_path):
    shutil.copytree(Path(config.out) / "2_cotrain", tmp_path / "2_cotrain")
    alone = train(replace(config, out=str(tmp_path), questions=0), stages()[3:4])
    before, after = (checkpoint.read_weights(f) for f in (tmp_path / "2_cotrain" / "checkpoint", alone))
    assert all(torch.equal(before[k], after[k]) for k in before if not k.startswith("head."))


def test_a_training_that_starts_from_a_checkpoint_has_its_weights_words_and_ranges(config, trained, tmp_path):
    start = replace(config, init=str(trained), out=str(tmp_path), questions=0)
    policy, processor = policy_from(start)
    weights, known = policy.state_dict(), checkpoint.read_weights(trained)
    assert all(torch.equal(weights[k], v) for k, v in known.items())
    assert processor.tokenizer.get_vocab() == load_tokenizer(trained).get_vocab()
    assert policy.stats == NormStats.load(trained / "norm_stats.json")


def test_only_the_first_stage_starts_from_it_and_the_card_says_so(config, trained, tmp_path):
    start = replace(config, init=str(trained), out=str(tmp_path), questions=0)
    frozen_head = train(start, stages()[:1])  # stage 0 leaves the head alone
    told = json.loads((frozen_head / "card.json").read_text())
    assert told["train"]["init"] == str(trained)
    assert told["init"]["stage"] == "4_answer"
    assert len(told["init"]["weights_sha256"]) == 64
    before, after = checkpoint.read_weights(trained), checkpoint.read_weights(frozen_head)
    assert all(torch.equal(before[k], after[k]) for k in before if k.startswith("head."))
    assert any(not torch.equal(before[k], after[k]) for k in before)


def test_an_init_that_is_no_checkpoint_says_what_to_give(config, tmp_path):
    with pytest.raises(ValueError, match=r"no checkpoint to start from .*give the folder of one, such as policy/checkpoints/"):
        train(replace(config, init=str(tmp_path / "none"), out=str(tmp_path)), stages()[:1])


def test_an_init_of_another_preset_or_beside_pretrained_weights_is_refused(config, trained):
    with pytest.raises(ValueError, match=r"is a 'chatvla_tiny'; give train\.preset=chatvla_tiny"):
        policy_from(replace(config, init=str(trained), preset="chatvla_2b"))
    with pytest.raises(ValueError, match="both say where to start"):
        policy_from(replace(config, init=str(trained), pretrained="qwen"))


def test_missing_data_says_how_to_make_it(config, tmp_path):
    with pytest.raises(FileNotFoundError, match="run `stage=collect`"):
        train(replace(config, data=str(tmp_path / "none"), out=str(tmp_path / "out")))


@pytest.mark.parametrize(
    ("schedule", "at", "expected"),
    [
        ("constant", 1.0, 1.0),
        ("cosine", 0.5, 0.5),
        ("cosine", 1.0, 0.0),
        ("cosine_to_a_tenth", 0.0, 1.0),
        ("cosine_to_a_tenth", 0.5, 0.55),
        ("cosine_to_a_tenth", 1.0, 0.1),
        ("trapezoid", 0.5, 1.0),
        ("trapezoid", 1.0, 0.05),
    ],
)
def test_rates_follow_progress(schedule, at, expected):
    end = 0.1 if schedule == "cosine_to_a_tenth" else 0.0
    stage = replace(STAGES["chatvla_tiny"][0], schedule=schedule.removesuffix("_to_a_tenth"), warmup=0, lr=1.0, lr_end=end)
    assert learning_rate(stage, 500, at) == pytest.approx(expected)


def test_chatvla2_warms_up_for_3000_of_50000_steps_and_ends_at_a_tenth():
    cotrain, action = STAGES["chatvla2_2b"]
    assert (cotrain.steps, action.steps, action.frozen) == (15_000, 50_000, ("vlm",))
    assert learning_rate(action, 1499, 0.03) == pytest.approx(1e-5, rel=0.01)
    assert learning_rate(action, 3000, 0.06) == pytest.approx(2e-5, rel=0.01)
    assert learning_rate(action, 50_000, 1.0) == pytest.approx(2e-6)
    assert learning_rate(cotrain, 15_000, 1.0) == pytest.approx(2e-6)


def test_experts_and_reasoning_in_the_place_of_the_presets_are_in_the_checkpoint(config, tmp_path):
    wanted = replace(config, out=str(tmp_path), experts="dense", reasoning="latter", questions=0, steps_scale=1e-9)
    assert [s.name for s in selected(wanted)] == ["0_ground", "1_control", "2_cotrain", "3_head"]
    small = [replace(s, mixture=Mixture(robot=1)) for s in selected(wanted)[1:2]]
    made = checkpoint.read_config(train(wanted, tuple(small)))
    assert (made.name, made.experts.kind, made.reasoning) == ("chatvla_tiny", "dense", "latter")
    with pytest.raises(ValueError, match=r"has experts=dense, not static; give train\.experts=dense, or another train\.out"):
        train(replace(wanted, experts=None), tuple(small))


def test_an_init_with_other_experts_is_refused(config, trained):
    with pytest.raises(ValueError, match=r"has reasoning=film, not none; give train\.reasoning=film"):
        policy_from(replace(config, init=str(trained), reasoning="none"))


def test_the_quota_of_the_paper_is_three_robot_rows_to_one_of_questions():
    for preset in ("chatvla_tiny", "chatvla_2b"):
        mixture = next(s.mixture for s in STAGES[preset] if s.name == "2_cotrain")
        assert mixture.robot + mixture.grounding == 3 * mixture.understanding

"""Every named tiny network at a toy's size: it learns frames by heart, trains through its stages, resumes, is saved and acts."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from envs.types import CAMERAS, Observation, Trial
from policy import start, train_config
from policy.chatvla import ChatVLA
from policy.fit import FitSetting, fit_stage
from policy.heads.base import Context
from policy.inference import ChatVLAPolicy
from policy.optim import build_optimizer
from policy.presets import PRESETS
from policy.processor import Processor
from policy.recorded import Frames
from policy.rows import Batches
from policy.stages import STAGES, Mixture, Stage
from policy.start import fresh_policy
from policy.train import train
from policy.train_config import TrainConfig
from tests.policy.small import toy
from tests.policy.synthetic import INSTRUCTION

NAMES = [name for name in PRESETS if name.endswith("_tiny")]
AT = (2, 26)  # frames of two episodes with a whole chunk before them
CLOSE = 0.15  # mean error of actions that count as learnt, where all lie in -1 to 1


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each name in turn, of which training makes the toy."""
    for module in (train_config, start):
        monkeypatch.setattr(module, "preset", lambda name: toy(PRESETS[name]))
    return request.param


def started(name: str, data: Path, folder: Path) -> tuple[ChatVLA, Processor]:
    """A fresh toy with the words of the data."""
    return fresh_policy(TrainConfig(data=str(data), out=str(folder), preset=name))


def observed(frames: Frames, index: int) -> Observation:
    """What was seen at a frame."""
    pixels = {camera: frames.image(index)[i] for i, camera in enumerate(CAMERAS)}
    return {"pixels": pixels, "agent_pos": frames.arrays["agent_pos"][index]}


def stages(name: str) -> tuple[Stage, ...]:
    """Its stages at one step and one row of each kind that they mix."""
    made = STAGES[name]
    return tuple(replace(s, steps=1, mixture=Mixture(**{k: min(v, 1) for k, v in vars(s.mixture).items()})) for s in made)


def differing(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> set[str]:
    return {key for key in first if not torch.equal(first[key], second[key])}


def test_it_learns_by_heart_and_then_says_and_does_what_it_learnt(name, data, tmp_path, monkeypatch):
    policy, processor = started(name, data, tmp_path)
    frames, config = Frames(data), processor.config
    draws = iter(AT)
    monkeypatch.setattr(Frames, "draw", lambda self, rng: next(draws))
    batches = Batches(data, processor, Stage("heart", Mixture(robot=len(AT)), 1, 0.0, augment=False))
    batch = batches.batch(0)
    learnt_chunks = np.stack([frames.chunk(i)[0][: config.horizon] for i in AT])
    acting = ChatVLAPolicy(policy, processor)

    def error_and_words() -> tuple[float, list[str]]:
        made = []
        for index in AT:
            acting.reset(Trial("sort_toys", index))
            made.append(acting.infer(observed(frames, index), INSTRUCTION))
        acted = np.stack([m.action_chunk for m in made])
        normalized = [policy.normalize_action.normalize(torch.from_numpy(chunks)) for chunks in (acted, learnt_chunks)]
        return float((normalized[0] - normalized[1]).abs().mean()), [m.reasoning for m in made]

    assert error_and_words()[0] > 2 * CLOSE
    learn(policy, batch)
    error, words = error_and_words()
    assert error < CLOSE
    assert words == ["" if config.reasoning == "none" else batches.frame(i).reasoning.text for i in AT]


def learn(policy: ChatVLA, batch) -> None:
    """Fifty steps of everything, or what a chain's many words take; then Octo's head alone, which predicts noise."""
    torch.manual_seed(0)
    optimizer = build_optimizer(policy, "adamw", 5e-3, (0.9, 0.95), 1e-8)

    def step(loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()

    for _ in range(100 if policy.config.reasoning == "chain" else 50):
        step(policy(batch)["loss"])
    if policy.config.head.kind == "readout":
        policy.head.noise_samples = 16
        context = Context(policy.context(batch).vector.detach())
        for _ in range(400):
            step(policy.head_loss(context, batch.actions, batch.action_mask))


def test_it_trains_through_its_stages_and_acts_as_the_checkpoint_that_it_leaves(name, data, tmp_path):
    setting = TrainConfig(
        data=str(data), out=str(tmp_path), preset=name, accelerator="cpu", progress=False, questions=0, feature_frames=4
    )
    folder = train(setting, stages(name))
    assert folder.parent.name == STAGES[name][-1].name
    acted = []
    for _ in range(2):
        acting = ChatVLAPolicy.from_pretrained(folder)
        acting.reset(Trial("sort_toys", 0))
        acted.append(acting.infer(observed(Frames(data), 0), INSTRUCTION).action_chunk)
    config = PRESETS[name]
    assert acted[0].shape == (config.horizon, config.action_dim)
    assert 1 <= acting.execute <= config.horizon
    assert np.isfinite(acted[0]).all()
    assert np.array_equal(*acted)
    assert acting.name == name


def test_two_steps_equal_one_and_one_resumed(name, data, tmp_path):
    policy, processor = started(name, data, tmp_path)
    stage = replace(next(s for s in stages(name) if not s.name.startswith("0_")), steps=2)
    before = policy.state_dict()

    def weights(folder: str, **setting: int) -> dict[str, Tensor]:
        fitted = deepcopy(policy)
        where = FitSetting(tmp_path / folder, accelerator="cpu", **setting)  # type: ignore[arg-type]
        return fit_stage(stage, fitted, Batches(data, processor, stage), where).state_dict()

    straight = weights("straight", checkpoint_steps=2)
    half = weights("two", checkpoint_steps=1, stop_at=1)
    resumed = weights("two", checkpoint_steps=1)
    assert not differing(straight, resumed)
    assert differing(straight, half)
    assert differing(straight, before)


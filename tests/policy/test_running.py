"""A network runs where and as it was asked to, and what cannot be is told before it is loaded."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from envs.sim_env import SimEnv
from envs.types import Trial
from policy.inference import ChatVLAPolicy
from policy.running import Running, check_compiler

SHIPPED = "policy/checkpoints/chatvla_tiny"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"device": "gpu"}, "device=gpu; expected auto, cpu, cuda or a certain GPU, such as cuda:1"),
        ({"precision": "fp16"}, "precision=fp16; expected auto, float32, bfloat16"),
        ({"compile": "all"}, "compile=all; expected none, loops"),
        ({"reason_every": 0}, "reason_every=0; expected at least 1"),
        ({"execute": 0}, "execute=0; expected 1 to 16, the actions of a chunk"),
    ],
)
def test_what_is_unknown_is_told_with_what_is_known(wrong, told):
    with pytest.raises(ValueError, match=told):
        Running(**wrong)


def test_a_gpu_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    Running(device="cuda:0").check()
    with pytest.raises(ValueError, match=r"device=cuda:1, and torch .* sees 1 GPUs here; device=auto takes what there is"):
        Running(device="cuda:1").check()


def test_a_compiler_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setenv("CXX", "icpx")
    with pytest.raises(ValueError, match=r"compile=loops needs a C\+\+ compiler, and there is no icpx; install one"):
        Running(compile="loops").check()
    monkeypatch.delenv("CXX")
    with pytest.raises(ValueError, match=r"there is no g\+\+ or clang\+\+"):
        check_compiler("train.compile=layers")


@pytest.mark.parametrize(("device", "size", "dtype"), [("cuda", 4, torch.bfloat16), ("cpu", 4, torch.float32), ("cuda", 3, torch.float32)])
def test_a_large_network_on_a_gpu_is_in_bfloat16_unless_told_otherwise(monkeypatch, device, size, dtype):
    model = torch.nn.Linear(size, 1)
    model.register_buffer("scale", torch.ones(1))
    monkeypatch.setattr("policy.running.LARGE", 4)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: device == "cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    moved: list[str] = []
    monkeypatch.setattr(model, "to", moved.append)
    Running().place(model)
    assert moved == [device]
    assert model.weight.dtype == dtype
    assert (model.bias.dtype, model.scale.dtype) == (torch.float32, torch.float32)


def test_in_bfloat16_it_says_the_same_and_acts_nearly_so():
    env = SimEnv("sort_toys")
    trial = Trial("sort_toys", 0)
    observation, _ = env.reset(options={"trial": trial})
    exact, coarse = (ChatVLAPolicy.from_pretrained(SHIPPED, Running(precision=p)) for p in ("float32", "bfloat16"))
    assert coarse.model.vlm.lm_head.weight.dtype == torch.bfloat16
    for policy in (exact, coarse):
        policy.reset(trial)
    one, other = (policy.infer(observation, env.instruction) for policy in (exact, coarse))
    assert one.reasoning == other.reasoning
    assert 0 < np.abs(one.action_chunk[:, :3] - other.action_chunk[:, :3]).max() < 0.02  # m
    assert exact.answer(observation["pixels"]["left"], "How many toys are there?") == coarse.answer(observation["pixels"]["left"], "How many toys are there?")


def test_it_executes_and_thinks_as_often_as_it_is_told():
    policy = ChatVLAPolicy.from_pretrained(SHIPPED, Running(execute=4, reason_every=3))
    assert (policy.execute, policy.reason_every) == (4, 3)

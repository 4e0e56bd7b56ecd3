"""Several processes: what they learn together is what one learns alone, whole or sharded, straight or resumed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from policy.batch import Batch
from policy.chatvla import ChatVLA
from policy.fit import FitSetting, fit_stage
from policy.normalizer import NormStats
from policy.parts import WHOLE, Part
from policy.sharding import newest, strategy_name
from policy.stages import STAGES, Mixture, Stage
from tests.policy.processes import together
from tests.policy.small import small_batch, small_config

STAGE = Stage("both", Mixture(4, 0, 4), 4, 1e-3, ema=0)


class Source:
    """Another batch for each part of each step."""

    def batch(self, number: int, part: Part = WHOLE) -> Batch:
        return small_batch(2, 2, seed=10 * number + part.index)


def learn(out: Path, stage: Stage, setting: dict) -> None:
    """Trains a small network and keeps its weights; the first process writes."""
    torch.manual_seed(0)
    policy = ChatVLA(small_config(), NormStats.unit())
    trained = fit_stage(stage, policy, Source(), FitSetting(out, accelerator="cpu", precision="32-true", **setting))
    if not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0:
        torch.save(trained.state_dict(), out / "weights.pt")


def weights(out: Path) -> dict[str, Tensor]:
    return torch.load(out / "weights.pt", weights_only=True)


def differing(a: dict[str, Tensor], b: dict[str, Tensor]) -> list[str]:
    assert a.keys() == b.keys()
    return [k for k in a if not torch.allclose(a[k], b[k], rtol=0, atol=1e-6)]


def test_two_processes_with_adapters_and_averages_learn_what_one_learns_in_two_turns(tmp_path):
    stage = replace(STAGE, ema=0.9, optimizer="muon", frozen=("understanding_expert",))
    learn(tmp_path / "one", stage, {"accumulate": 2, "lora": 2})
    together(2, learn, tmp_path / "two", stage, {"devices": 2, "lora": 2})
    assert not differing(weights(tmp_path / "one"), weights(tmp_path / "two"))


def test_a_sharded_network_that_is_interrupted_and_resumed_learns_what_one_process_learns(tmp_path):
    learn(tmp_path / "one", STAGE, {"accumulate": 2})
    shards, sharded = tmp_path / "two", {"devices": 2, "strategy": "fsdp", "checkpoint_activations": True, "checkpoint_steps": 2}
    together(2, learn, shards, STAGE, {**sharded, "stop_at": 2})
    assert differing(weights(tmp_path / "one"), weights(shards))
    left = newest(shards / "both" / "resume")
    assert left is not None
    assert len(list(left.glob("*.distcp"))) == 2  # a file of each process
    together(2, learn, shards, STAGE, sharded)
    assert not differing(weights(tmp_path / "one"), weights(shards))


def test_only_a_whole_checkpoint_is_resumed_from(tmp_path):
    assert newest(tmp_path) is None
    (tmp_path / "step=2.ckpt").mkdir()
    assert newest(tmp_path) is None  # its mark is written last
    (tmp_path / "step=2.ckpt" / "meta.pt").touch()
    (tmp_path / "step=4.ckpt").mkdir()
    assert newest(tmp_path) == tmp_path / "step=2.ckpt"


def test_a_stage_is_sharded_where_it_can_be():
    ground, paper = STAGES["chatvla_tiny"][0], STAGES["chatvla_2b"][0]
    assert [strategy_name(s, "auto", n) for s in (ground, paper) for n in (1, 2)] == ["auto", "ddp", "auto", "fsdp"]
    assert strategy_name(paper, "ddp", 8) == "ddp"
    with pytest.raises(ValueError, match=r"stage 0_ground cannot be sharded: Muon .* and its weights are averaged.*strategy=ddp"):
        strategy_name(ground, "fsdp", 2)
    with pytest.raises(ValueError, match="unknown strategy 'fsdp2'; expected 'auto', 'ddp' or 'fsdp'"):
        strategy_name(paper, "fsdp2", 2)

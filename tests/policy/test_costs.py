"""The dry run: what it counts without weights is what real networks have and do."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from policy.batch import Batch
from policy.chatvla import ChatVLA
from policy.config import ChatVLAConfig, ExpertsConfig
from policy.costs import FORMULAS, Lengths, fake_network, row_costs
from policy.dry_run import dry_run, parameters, stage_cost
from policy.fit import FitSetting, adapt
from policy.freezing import freeze
from policy.layers import prepared
from policy.normalizer import NormStats
from policy.presets import PRESETS, preset
from policy.stages import Mixture, Stage
from tests.policy.small import small_batch, small_config, small_model


def _raw(formula):
    formula._get_raw = True  # it is given tensors, not shapes
    return formula


STAGE = Stage("both", Mixture(2, 0, 2), 1, 1e-3, words=True, ema=0)
# PyTorch's own counter, the CPU's attention added.
ATTENTION = {op: _raw(formula) for op, formula in FORMULAS.items() if "for_cpu" in str(op)}
CONTROL = replace(STAGE, mixture=Mixture(2), words=False)
ROWS = {"control": 2, "understanding": 2}


def counted(config: ChatVLAConfig, stage: Stage, batch: Batch) -> float:
    """FLOPs of that batch by the dry run's account."""
    tokens = batch.input_ids.shape[1]
    labelled = (batch.labels >= 0).sum(1)
    mode, network = fake_network(config, stage)
    costs = row_costs(mode, network, stage, Lengths(tokens, tokens, int(labelled[0]), int(labelled[-1])), bf16=False)
    return sum(ROWS[kind] * cost.flops for kind, parts in costs.items() for cost in parts.values())


@pytest.mark.parametrize(("frozen", "plain"), [((), False), (("understanding_expert", "head"), True)])
def test_the_arithmetic_is_that_of_a_real_step(frozen, plain):
    options = {"plain_attention": plain, "conv_stem": True, "image_words": True}
    model, stage = small_model(**options).train(), replace(STAGE, frozen=frozen)
    freeze(model, frozen)
    batch = small_batch()
    with FlopCounterMode(display=False, custom_mapping=ATTENTION) as real:
        model(batch)["loss"].backward()
    assert counted(model.config, stage, batch) == pytest.approx(real.get_total_flops(), rel=0.02)


def test_the_kept_tensors_are_those_of_a_real_step():
    """One more row of each kind, so that copies of weights do not count."""
    model = small_model(plain_attention=False, conv_stem=True).train()

    def kept(batch: Batch) -> int:
        seen: dict[int, object] = {}
        own = {p.untyped_storage().data_ptr() for p in model.parameters()}

        def pack(tensor: Tensor) -> Tensor:
            if tensor.untyped_storage().data_ptr() not in own:
                seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
            return tensor

        with saved_tensors_hooks(pack, lambda t: t):
            model(batch)["loss"].backward()
        return sum(s.nbytes() for s in seen.values())  # type: ignore[attr-defined]

    real = kept(small_batch(4, 4)) - kept(small_batch(2, 2))
    stage, batch = replace(STAGE, words=False), small_batch()
    tokens = batch.input_ids.shape[1]
    mode, network = fake_network(model.config, stage)
    costs = row_costs(mode, network, stage, Lengths(tokens, tokens, 5, 12), bf16=False)
    ours = sum(2 * cost.kept for parts in costs.values() for cost in parts.values())
    assert ours == pytest.approx(real, rel=0.15)


def test_layers_that_are_computed_again_keep_less_and_cost_their_forward_pass():
    mode, network = fake_network(small_config(conv_stem=True), STAGE)
    language = row_costs(mode, network, STAGE, Lengths(40, 40, 5, 5))["control"]["language"]
    assert language.recomputed == pytest.approx(language.forward)
    assert language.outside + language.inputs + language.largest < 0.8 * language.kept
    assert 2 <= language.backward / language.forward < 2.2  # attention's backward makes its scores again


@pytest.mark.parametrize("lora", [0, 4])
def test_parameters_are_those_of_a_real_network_all_and_trained(lora, tmp_path):
    stage, setting = replace(CONTROL, frozen=("understanding_expert",)), FitSetting(tmp_path, lora=lora, lora_parts=("language", "vision"))
    real = ChatVLA(small_config(), NormStats.unit())
    adapt(real, stage, setting)
    cost = stage_cost(small_config(), stage, setting)
    assert sum(cost.parameters.values()) == sum(p.numel() for p in real.parameters())
    assert sum(cost.trained.values()) == sum(p.numel() for p in real.parameters() if p.requires_grad)
    assert cost.parameters == parameters(real)


def test_chatvla_2b_is_qwen2_vl_2b_and_one_expert_more_before_any_weight_is_there():
    with torch.device("meta"):
        counts = parameters(ChatVLA(preset("chatvla_2b"), NormStats.unit()))
    expert, head = counts["control expert"], counts["head"] + counts["fusion, readouts, norms"]
    assert expert == 28 * 3 * 1536 * 8960
    assert expert / 1e9 == pytest.approx(1.156, abs=5e-4)
    base = sum(counts.values()) - expert - head
    assert base / 1e9 == pytest.approx(2.209, abs=1e-3)


@pytest.mark.parametrize("name", PRESETS)
def test_the_parts_of_every_preset_add_up(name):
    with torch.device("meta"):
        network = ChatVLA(preset(name), NormStats.unit())
    assert sum(parameters(network).values()) == sum(p.numel() for p in network.parameters())


def test_shards_divide_weights_and_states_and_parts_divide_activations():
    config, stage = small_config(plain_attention=True), replace(CONTROL, mixture=Mixture(8))
    one, whole, shard, turns = (
        stage_cost(config, stage, setting).memory
        for setting in (
            FitSetting(Path()),
            FitSetting(Path(), devices=4, strategy="ddp"),
            FitSetting(Path(), devices=4),
            FitSetting(Path(), accumulate=4),
        )
    )
    assert shard.states == one.states / 4
    assert shard.weights < one.weights
    assert whole.states == turns.states == one.states
    for split in (whole, shard, turns):
        assert split.kept == pytest.approx(one.kept / 4)
    assert one.total(checkpointed=True) < one.total(checkpointed=False)


def test_the_tables_name_every_part_and_what_is_assumed():
    text = StringIO()
    setting = FitSetting(Path(), devices=2, lora=4, lora_parts=("vision",))
    dry_run(small_config(plain_attention=True), (STAGE,), setting, Console(file=text, width=200))
    for word in ("understanding expert", "control expert", "embeddings", "active in an action", "language", "optimizer states", "fsdp, 2 of them"):
        assert word in text.getvalue()
    assert "2 control rows of 84 tokens, 2 understanding rows of 358 tokens, in 2 parts" in text.getvalue()


def test_of_dynamic_experts_those_of_a_token_are_active_and_counted():
    config = replace(small_config(plain_attention=True), experts=ExpertsConfig(kind="dynamic", count=4, top_k=2))
    two, four = (
        stage_cost(replace(config, experts=replace(config.experts, top_k=k)), CONTROL, FitSetting(Path())) for k in (2, 4)
    )
    experts = two.parameters["dynamic experts"]
    assert experts == 2 * (4 * 3 * 32 * 48 + 4 * 32)  # layers x (experts, router)
    assert sum(two.parameters.values()) - two.active["an action"] == experts // 2
    one_expert = 2 * 3 * 32 * 48  # FLOPs a token
    more = 2 * one_expert * 2 * 2 * two.tokens["control"]  # two experts, in two layers, of two rows
    assert four.step["language"].forward - two.step["language"].forward == pytest.approx(more, rel=0.02)


def test_layers_whose_keys_a_head_reads_are_not_computed_twice():
    config = PRESETS["pi0_tiny"]
    with torch.device("meta"):
        network = ChatVLA(config, NormStats.unit())
    with pytest.raises(ValueError, match=r"computes layers twice.*reads the keys and values"), prepared(network, True, False):
        pass

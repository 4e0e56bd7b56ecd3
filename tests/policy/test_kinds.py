"""Every kind of experts in the whole network: from pretrained weights, by heart, to disk and back, stopped and resumed."""

from __future__ import annotations

import csv
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch
from torch.utils.checkpoint import checkpoint as recomputed
from transformers import Qwen2VLForConditionalGeneration

from policy import checkpoint
from policy.backbones.build import build_backbone, pretrained_backbone
from policy.backbones.qwen2_vl import prepare_transformers, qwen_config
from policy.chatvla import ChatVLA
from policy.config import ChatVLAConfig, ExpertKind, ExpertsConfig, LossWeights, Options
from policy.feed_forward import copy_experts
from policy.fit import FitSetting, fit_stage
from policy.freezing import freeze
from policy.normalizer import NormStats
from policy.presets import preset, varied
from policy.processor import Processor
from policy.rows import Batches
from policy.stages import STAGES, Mixture, for_experts
from policy.tokenizer import train_tokenizer
from tests.policy.small import small_batch, small_config

KINDS = get_args(ExpertKind)
FEW = ExpertsConfig("dynamic", count=4, top_k=2)


def small(kind: ExpertKind, **changes) -> ChatVLAConfig:
    balance = 0.01 if kind == "dynamic" else 0.0
    loss = LossWeights(positions=0.1, balance=balance)
    return replace(small_config(), experts=replace(FEW, kind=kind), loss=loss, **changes)


def qwen_small(kind: ExpertKind, tied: bool = True) -> ChatVLAConfig:
    config = small(kind, options=Options())
    vision = replace(config.vision, patch_size=4, spatial_merge_size=2)
    return replace(config, vision=vision, text=replace(config.text, tied=tied))


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def qwen(request, tmp_path_factory) -> tuple[Qwen2VLForConditionalGeneration, Path, bool]:
    """A random Qwen2-VL, its folder, and whether it reads and speaks words through one matrix, as 2B does and 7B does not."""
    torch.manual_seed(0)
    prepare_transformers()
    model = Qwen2VLForConditionalGeneration(qwen_config(qwen_small("dense", request.param))).eval()
    folder = tmp_path_factory.mktemp("qwen")
    model.save_pretrained(folder)
    return model, folder, request.param


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_pretrained_weights_give_the_pretrained_networks_logits_on_every_route(qwen, kind):
    ids = torch.tensor([[5, 20, 21, 22, 23], [5, 30, 31, 32, 33]])
    ours = pretrained_backbone(qwen[1], qwen_small(kind, qwen[2])).eval()
    for route in ("control", "understanding", "dense", 1):
        found = ours(input_ids=ids, route=route).logits
        torch.testing.assert_close(found, qwen[0](input_ids=ids).logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["static", "dense"])
def test_saved_it_opens_as_a_plain_qwen2_vl(qwen, kind, tmp_path):
    ours = pretrained_backbone(qwen[1], qwen_small(kind, qwen[2])).eval()
    ours.save_pretrained(tmp_path)
    plain = Qwen2VLForConditionalGeneration.from_pretrained(tmp_path).eval()
    ids = torch.tensor([[5, 20, 21, 22, 23]])
    torch.testing.assert_close(plain(input_ids=ids).logits, qwen[0](input_ids=ids).logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_network_has_experts_alike(kind):
    torch.manual_seed(0)
    model, batch = ChatVLA(small(kind), NormStats.unit()).eval(), small_batch()
    with torch.no_grad():
        routed, dense = (model(batch, route=route)["lm"] for route in (None, "dense"))
    torch.testing.assert_close(routed, dense, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_one_batch_by_heart(kind):
    torch.manual_seed(0)
    model, batch = ChatVLA(small(kind, options=Options(plain_attention=True)), NormStats.unit()), small_batch(1, 1)
    optimizer = torch.optim.AdamW(model.parameters(), 6e-3, weight_decay=0)
    history = []
    for step in range(80):
        for group in optimizer.param_groups:
            group["lr"] = 6e-3 * min(1.0, 2 * (1 - step / 80))
        losses = model(batch)
        optimizer.zero_grad()
        losses["loss"].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        history.append({k: losses[k].item() for k in ("lm", "action")})
    last = {k: sum(h[k] for h in history[-10:]) / 10 for k in ("lm", "action")}
    assert last["lm"] < history[0]["lm"] / 10
    assert last["action"] < history[0]["action"] / 5


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_a_checkpoint_is_the_same_network(kind, tmp_path):
    torch.manual_seed(0)
    model = ChatVLA(small(kind), NormStats.unit()).eval()
    for parameter in model.parameters():
        parameter.add_(0.02 * torch.randn_like(parameter))
    folder = checkpoint.save(tmp_path, model, train_tokenizer(["Put the duck into the box."]))
    loaded, _ = checkpoint.load(folder)
    assert loaded.config == model.config
    assert torch.equal(loaded.context(small_batch()).vector, model.context(small_batch()).vector)


@torch.no_grad()
def test_a_checkpoint_keeps_both_matrices_of_words_where_there_are_two(tmp_path):
    config = small("static")
    model = ChatVLA(replace(config, text=replace(config.text, tied=False)), NormStats.unit()).eval()
    assert not torch.equal(model.vlm.lm_head.weight, model.vlm.get_input_embeddings().weight)
    loaded, _ = checkpoint.load(checkpoint.save(tmp_path, model, train_tokenizer(["Put the duck into the box."])))
    assert torch.equal(loaded.vlm.lm_head.weight, model.vlm.lm_head.weight)
    assert torch.equal(loaded.vlm.get_input_embeddings().weight, model.vlm.get_input_embeddings().weight)


def test_layers_that_are_computed_again_give_the_same_gradients_with_the_balance_in_the_loss():
    torch.manual_seed(0)
    model, batch = ChatVLA(small("dynamic"), NormStats.unit()), small_batch()

    def gradients() -> list[torch.Tensor]:
        model.zero_grad()
        torch.manual_seed(1)
        model(batch)["loss"].backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    plain = gradients()
    for layer in model.vlm.model.language_model.layers:
        forward = layer.forward
        layer.forward = lambda *a, forward=forward, **k: recomputed(forward, *a, use_reentrant=False, **k)
    for again, before in zip(gradients(), plain, strict=True):
        torch.testing.assert_close(again, before)


def test_copies_are_made_of_the_pretrained_expert_and_dense_networks_are_left_alone():
    for kind in KINDS:
        torch.manual_seed(0)
        backbone = build_backbone(small(kind))
        with torch.no_grad():
            for parameter in backbone.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        ids = torch.tensor([[5, 20, 21, 22]])
        pretrained = backbone(input_ids=ids, route="dense").logits
        copy_experts(backbone)
        torch.testing.assert_close(backbone(input_ids=ids, route="control").logits, pretrained, atol=1e-5, rtol=1e-5)


# ChatVLA-2's stages on made-up data.


@pytest.fixture(scope="module")
def chatvla2(processor) -> tuple[ChatVLA, Processor]:
    torch.manual_seed(0)
    tiny = preset("chatvla2_tiny")
    fitted = replace(tiny, text=replace(processor.config.text, layers=2), experts=FEW)
    return ChatVLA(fitted, NormStats.unit()), Processor(processor.tokenizer, fitted)


def run(stage, model: ChatVLA, processor: Processor, data: Path, folder: Path, **setting) -> dict[str, torch.Tensor]:
    mixture = Mixture(**{k: min(v, 1) for k, v in vars(stage.mixture).items()})
    stage = replace(stage, mixture=mixture, warmup=2)
    fit_stage(stage, model, Batches(data, processor, stage), FitSetting(folder, accelerator="cpu", **setting))
    return {k: v.clone() for k, v in model.state_dict().items()}


def test_stage_0_trains_one_expert_and_leaves_the_others_to_be_copies(chatvla2, data, tmp_path):
    model, processor = deepcopy(chatvla2[0]), chatvla2[1]
    before = model.vlm.model.language_model.layers[0].mlp.experts.up_proj.clone()
    run(replace(STAGES["chatvla2_tiny"][0], steps=2), model, processor, data, tmp_path)
    after = model.vlm.model.language_model.layers[0].mlp.experts.up_proj
    moved = (after - before).abs().amax((1, 2))
    assert moved[0] > 10 * moved[1:].max()  # weight decay alone
    assert not (tmp_path / "expert_load.csv").exists()


def test_stage_1_is_resumed_exactly_and_writes_the_load_of_every_layer(chatvla2, data, tmp_path):
    model, processor = chatvla2
    stage = replace(STAGES["chatvla2_tiny"][1], steps=2)
    straight = run(stage, deepcopy(model), processor, data, tmp_path / "straight", checkpoint_steps=2)
    run(stage, deepcopy(model), processor, data, tmp_path / "two", checkpoint_steps=1, stop_at=1)
    resumed = run(stage, deepcopy(model), processor, data, tmp_path / "two", checkpoint_steps=1)
    assert all(torch.equal(straight[k], resumed[k]) for k in straight)
    rows = list(csv.DictReader((tmp_path / "straight" / "expert_load.csv").open()))
    assert [r["layer"] for r in rows] == ["0", "1"]
    for row in rows:
        assert sum(float(row[f"expert_{i}"]) for i in range(4)) == pytest.approx(1, abs=1e-3)
        assert 0 < float(row["evenness"]) <= 1
    log = list(csv.DictReader((tmp_path / "straight" / "training_log.csv").open()))
    assert float(log[-1]["balance"]) >= 0.99


def test_the_frozen_vlm_of_stage_2_leaves_head_and_reasoning_module_to_learn(chatvla2):
    model = chatvla2[0]
    freeze(model, STAGES["chatvla2_2b"][1].frozen)
    learns = {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad}
    model.requires_grad_(True)
    assert learns == {"head", "readout", "positions"}
    assert any(n.startswith("head.injection.") for n, _ in model.named_parameters())


def test_other_experts_take_a_presets_stages_as_far_as_they_can():
    static = STAGES["chatvla_tiny"]
    assert for_experts(static, "static") == static
    dense = for_experts(static, "dense")
    assert [s.name for s in dense] == ["0_ground", "1_control", "2_cotrain", "3_head"]
    assert [s.frozen for s in dense] == [("head",), (), (), ("all_but_head",)]
    assert [s.route for s in dense] == ["dense", None, None, None]
    assert for_experts(STAGES["chatvla2_tiny"], "dynamic") == STAGES["chatvla2_tiny"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_stages_of_every_kind_can_be_frozen(kind, chatvla2):
    config = varied(replace(preset("chatvla_tiny"), text=chatvla2[0].config.text), kind)
    model = ChatVLA(replace(config, experts=replace(FEW, kind=kind)), NormStats.unit())
    for stage in for_experts(STAGES["chatvla_tiny"], kind):
        assert freeze(model, stage.frozen) < len(list(model.parameters()))


def sizes(name: str) -> dict[str, int]:
    with torch.device("meta"):
        model = ChatVLA(preset(name), NormStats.unit())
    counts = {"vlm": 0, "control": 0, "experts": 0, "router": 0, "head": 0}
    for key, p in model.named_parameters():
        part = next((part for part in ("control", "experts", "router") if f".mlp.{part}." in key), None)
        counts[part or ("head" if key.startswith("head.") else "vlm")] += p.numel()
    return counts


def test_the_7b_preset_has_the_published_size():
    found = sizes("chatvla_7b")
    assert found["vlm"] == 8_291_375_616 + fusion_of(3584)  # Qwen2-VL-7B-Instruct, two matrices of words
    assert found["control"] == 28 * 3 * 3584 * 18944


def test_chatvla2_has_eight_times_the_experts_of_qwen2_vl_and_the_1b_head():
    found = sizes("chatvla2_2b")
    assert found["experts"] == 8 * 28 * 3 * 1536 * 8960
    assert found["router"] == 28 * 1536 * 8
    assert found["vlm"] == 2_208_985_600 - 28 * 3 * 1536 * 8960
    assert 0.9e9 < found["head"] < 1.05e9


def test_the_widened_control_is_as_large_as_the_two_experts():
    full = preset("chatvla_2b")
    one_layer = replace(full, text=replace(full.text, layers=1))
    with torch.device("meta"):
        count = {
            kind: sum(p.numel() for p in build_backbone(varied(one_layer, kind)).parameters())
            for kind in ("static", "dense", "dense_wide")
        }
    assert count["dense_wide"] == count["static"] == count["dense"] + 3 * 1536 * 8960


def fusion_of(width: int) -> int:
    """FiLM: two projectors of two layers, scale and shift."""
    return 6 * (width * width + width)

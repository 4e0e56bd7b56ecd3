"""The backbone against transformers' own Qwen2-VL: same keys, same numbers, both directions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import Qwen2VLForConditionalGeneration

from policy.backbones.build import build_backbone, pretrained_backbone
from policy.backbones.qwen2_vl import ChatVLABackbone, qwen_config
from policy.config import ChatVLAConfig, Options
from policy.experts import TwoExpertMLP
from policy.pixels import patchify
from tests.policy.small import small_config


@pytest.fixture(scope="module")
def config() -> ChatVLAConfig:
    small = small_config()
    vision = replace(small.vision, patch_size=4, spatial_merge_size=2)
    return replace(small, vision=vision, options=Options())


@pytest.fixture(scope="module")
def qwen(config, tmp_path_factory) -> tuple[Qwen2VLForConditionalGeneration, Path]:
    """A random vanilla Qwen2-VL and the folder that it was saved to."""
    torch.manual_seed(0)
    model = Qwen2VLForConditionalGeneration(qwen_config(config)).eval()
    folder = tmp_path_factory.mktemp("qwen")
    model.save_pretrained(folder)
    return model, folder


@pytest.fixture
def ours(config, qwen) -> ChatVLABackbone:
    return pretrained_backbone(qwen[1], config).eval()


@pytest.fixture(scope="module")
def inputs() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    ids = torch.tensor([[5, 3, *[1] * 6, 4, 20, 21, 22, 23]] * 2)
    ids[1, -4:] = torch.tensor([30, 31, 32, 33])
    images = torch.randint(0, 256, (2, 16, 24, 3), generator=generator, dtype=torch.uint8)
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "pixel_values": patchify(images, 4, 2),
        "image_grid_thw": torch.tensor([[1, 4, 6]] * 2),
        "mm_token_type_ids": (ids == 1).int(),
    }


@pytest.mark.parametrize("route", ["control", "understanding", 1])
@torch.no_grad()
def test_qwen2_vl_weights_give_qwen2_vl_logits_on_every_route(qwen, ours, inputs, route):
    torch.testing.assert_close(ours(**inputs, route=route).logits, qwen[0](**inputs).logits, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_changing_the_control_experts_leaves_understanding_bit_equal(ours, inputs):
    before = ours(**inputs, route="understanding").logits
    spoken = ours(**inputs, route="control").logits
    for layer in ours.model.language_model.layers:
        layer.mlp.control.down_proj.weight.add_(1.0)
    assert torch.equal(ours(**inputs, route="understanding").logits, before)
    assert not torch.allclose(ours(**inputs, route="control").logits, spoken)


@torch.no_grad()
def test_our_checkpoint_opens_as_a_plain_qwen2_vl(ours, inputs, tmp_path):
    for layer in ours.model.language_model.layers:
        layer.mlp.control.down_proj.weight.add_(1.0)
    ours.save_pretrained(tmp_path)
    plain = Qwen2VLForConditionalGeneration.from_pretrained(tmp_path).eval()
    torch.testing.assert_close(plain(**inputs).logits, ours(**inputs, route="understanding").logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("route", ["control", "understanding"])
def test_generate_is_the_same_with_and_without_a_cache(ours, inputs, route):
    def tokens(use_cache: bool) -> torch.Tensor:
        return ours.generate(**inputs, route=route, do_sample=False, max_new_tokens=5, use_cache=use_cache, pad_token_id=0)

    assert torch.equal(tokens(True), tokens(False))


@pytest.mark.parametrize("options", [Options(plain_attention=True), Options(linear_patch_embed=True)])
@torch.no_grad()
def test_options_for_speed_change_no_result(config, qwen, ours, inputs, options):
    fast = pretrained_backbone(qwen[1], replace(config, options=options)).eval()
    expected = ours(**inputs, route="control").logits
    torch.testing.assert_close(fast(**inputs, route="control").logits, expected, atol=1e-5, rtol=1e-5)


def test_an_incomplete_checkpoint_is_refused(config, qwen, tmp_path):
    weights = {k: v for k, v in qwen[0].state_dict().items() if "layers.1.mlp.up_proj" not in k}
    qwen[0].save_pretrained(tmp_path, state_dict=weights)
    with pytest.raises(ValueError, match=r"missing 1 \(model.language_model.layers.1.mlp.up_proj.weight\)"):
        pretrained_backbone(tmp_path, config)


def test_a_checkpoint_of_another_size_is_refused(config, qwen):
    wide = replace(config, text=replace(config.text, intermediate_size=64))
    with pytest.raises(ValueError, match=r"intermediate_size 48 \(preset small: 64\)"):
        pretrained_backbone(qwen[1], wide)


def test_a_folder_without_a_checkpoint_is_refused(config, tmp_path):
    with pytest.raises(ValueError, match=r"holds no config\.json"):
        pretrained_backbone(tmp_path, config)


def test_a_fresh_network_has_equal_experts(config):
    for layer in build_backbone(config).model.language_model.layers:
        mlp = layer.mlp
        assert isinstance(mlp, TwoExpertMLP)
        assert torch.equal(mlp.control.up_proj.weight, mlp.up_proj.weight)

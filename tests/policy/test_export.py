"""An exported folder is what transformers expects of a plain model, and answers as the understanding path does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoTokenizer, Qwen2VLForConditionalGeneration, Qwen2VLImageProcessor

from policy import checkpoint
from policy.backbones.build import build_backbone
from policy.chatvla import ChatVLA
from policy.config import Options
from policy.export import export, main
from policy.inference import ChatVLAPolicy
from policy.normalizer import NormStats
from policy.processor import config_for
from policy.tokenizer import train_tokenizer
from tests.policy.small import small_config, small_model

QUESTION = "How many toys?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint without a stem, its experts apart."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer([QUESTION, "two"], vocab_size=400)
    small = small_config()
    vision = replace(small.vision, patch_size=14, spatial_merge_size=2)
    config = config_for(replace(small, vision=vision, options=Options(), image_size=(56, 84), text=replace(small.text, vocab_size=400)), tokenizer)
    model = ChatVLA(config, NormStats.unit(), build_backbone(config))
    for layer in model.vlm.model.language_model.layers:
        torch.nn.init.normal_(layer.mlp.control.down_proj.weight)
    return checkpoint.save(tmp_path_factory.mktemp("it"), model, tokenizer)


@pytest.fixture(scope="module")
def exported(folder, tmp_path_factory):
    return export(folder, tmp_path_factory.mktemp("plain") / "model")


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (56, 84, 3), np.uint8)


@torch.no_grad()
def test_it_opens_as_a_plain_qwen2_vl_and_says_the_same(folder, exported):
    loaded: Any = Qwen2VLForConditionalGeneration.from_pretrained(exported, output_loading_info=True)
    plain, info = loaded
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    tokenizer, images = AutoTokenizer.from_pretrained(exported), Qwen2VLImageProcessor.from_pretrained(exported)
    ours = ChatVLAPolicy.from_pretrained(folder)
    prepared = images(images=[Image.fromarray(picture())], return_tensors="pt")
    content = [{"type": "image"}, {"type": "text", "text": f" {QUESTION}"}]
    text = tokenizer.apply_chat_template([{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True)
    text = text.replace("<|image_pad|>", "<|image_pad|>" * 6)
    ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
    assert ids[0].tolist() == ours.processor.prompt_ids("understanding", 1, QUESTION)
    said = plain.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), mm_token_type_ids=(ids == ours.processor.image_id).int(), **prepared,
        do_sample=False, max_new_tokens=6, eos_token_id=ours.processor.end_id, pad_token_id=ours.processor.pad_id,
    )  # fmt: skip
    assert ours.processor.decode(said[0, ids.shape[1] :].tolist()) == ours.answer(picture(), QUESTION)


def test_control_experts_and_head_stay_behind(exported):
    plain = Qwen2VLForConditionalGeneration.from_pretrained(exported)
    assert not any("control" in name for name in plain.state_dict())


def test_what_no_plain_model_has_is_refused(tmp_path, capsys):
    tokenizer = train_tokenizer([QUESTION])
    folder = checkpoint.save(tmp_path / "it", small_model(), tokenizer)
    assert main([f"checkpoint={folder}", f"out={tmp_path / 'plain'}"]) == 2
    assert "small sees through a stem of its own (options.conv_stem)" in capsys.readouterr().err
    with pytest.raises(ValueError, match="is not empty; give a new folder"):
        export(folder, folder)


def test_the_command_says_how_it_is_used(capsys):
    assert main(["chekpoint=x"]) == 2
    assert "python -m policy.export checkpoint=FOLDER out=FOLDER" in capsys.readouterr().out


def test_a_checkpoint_tells_its_code(folder):
    assert len(checkpoint.read_card(folder)["code"]) == 16

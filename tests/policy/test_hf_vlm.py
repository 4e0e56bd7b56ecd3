"""Any image-text-to-text folder answers; a batch answers as its questions do alone; our own path answers as it always does."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

from policy import checkpoint
from policy.answering import FixedSizeAnswerer, Limits, Question
from policy.backbones.build import build_backbone
from policy.chatvla import ChatVLA
from policy.config import Options
from policy.export import export
from policy.hf_vlm import HfVlm, is_plain
from policy.inference import ChatVLAPolicy
from policy.normalizer import NormStats
from policy.processor import Processor, config_for
from policy.running import Running
from policy.tokenizer import train_tokenizer
from tests.policy.small import small_config

WORDS = "How many toys are red?"
SIZE = (56, 84)  # of the network's training, a multiple of 28
LIMITS = Limits(6, SIZE[0] * SIZE[1], SIZE[0] * SIZE[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint without a stem, and beside it the same as a plain Qwen2-VL."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer([WORDS, "two"], vocab_size=400)
    small = small_config()
    vision = replace(small.vision, patch_size=14, spatial_merge_size=2)
    config = config_for(replace(small, vision=vision, options=Options(), image_size=SIZE, text=replace(small.text, vocab_size=400)), tokenizer)
    out = tmp_path_factory.mktemp("qwen")
    checkpoint.save(out / "ours", ChatVLA(config, NormStats.unit(), build_backbone(config)), tokenizer)
    export(out / "ours", out / "plain")
    return out


def picture(seed=0, size=SIZE):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8))


QUESTIONS = [Question((picture(),), WORDS), Question((picture(1, (60, 200)), picture(2, (30, 30))), "two red toys?"), Question((picture(3),), "How")]


def test_a_batch_answers_as_its_questions_alone(folder):
    model = HfVlm.open(folder / "plain")
    assert model.answer(QUESTIONS, LIMITS) == [model.answer([question], LIMITS)[0] for question in QUESTIONS]
    assert model.facts["pictures"] == "the protocol's pixels"


def test_the_protocols_pixels_are_what_the_network_gets(folder):
    model = HfVlm.open(folder / "plain")
    grids = []
    for pixels in (28 * 28 * 4, 28 * 28 * 64):
        model.answer(QUESTIONS[:1], Limits(1, pixels, 2 * pixels))
        made = model.inputs(images=[list(QUESTIONS[0].pictures)], text=[model._prompt(QUESTIONS[0])], padding=True, return_tensors="pt")
        grids.append(int(made["image_grid_thw"].prod()) * 14 * 14)
    assert 28 * 28 * 4 <= grids[0] <= 28 * 28 * 8
    assert 28 * 28 * 64 <= grids[1] <= 28 * 28 * 128


def test_our_understanding_path_says_the_same_through_transformers(folder):
    policy = ChatVLAPolicy.from_pretrained(folder / "ours")
    assert is_plain(policy)
    ours = policy.answer(np.asarray(picture()), WORDS)
    assert HfVlm.of_chatvla(policy).answer(QUESTIONS[:1], replace(LIMITS, max_new_tokens=policy.model.config.max_new_tokens)) == [ours]


def test_in_bfloat16_our_understanding_path_answers_through_transformers_too(folder):
    policy = ChatVLAPolicy.from_pretrained(folder / "ours", Running(device="cpu", precision="bfloat16"))
    model = HfVlm.of_chatvla(policy)
    assert {p.dtype for p in model.model.parameters()} == {torch.bfloat16}
    assert len(model.answer(QUESTIONS, LIMITS)) == len(QUESTIONS)


def test_the_length_of_an_answer_is_the_protocols(folder):
    model = HfVlm.open(folder / "plain")
    long, short = (model.answer(QUESTIONS[:1], replace(LIMITS, max_new_tokens=n))[0] for n in (6, 2))
    assert long.startswith(short)
    assert len(short) < len(long)


def test_a_network_with_a_stem_sees_any_number_of_pictures_at_its_own_size():
    tokenizer = train_tokenizer([WORDS, "two"], vocab_size=400)
    small = small_config()
    config = config_for(replace(small, text=replace(small.text, vocab_size=400)), tokenizer)
    torch.manual_seed(0)
    policy = ChatVLAPolicy(ChatVLA(config, NormStats.unit()), Processor(tokenizer, config))
    assert not is_plain(policy)
    answerer = FixedSizeAnswerer(policy)
    many = Question(tuple(picture(i, (20 + i, 30)) for i in range(5)), WORDS)
    alone = [answerer.answer([question], LIMITS)[0] for question in (QUESTIONS[0], many)]
    assert answerer.answer([QUESTIONS[0], many], LIMITS) == alone
    assert answerer.facts["pictures"] == "squashed to 24x16"


def test_another_kind_of_model_answers_too(tmp_path):
    tokenizer = train_tokenizer([WORDS, "two"], vocab_size=400)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, pad_token="<|endoftext|>", eos_token="<|im_end|>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14),
        text_config=LlamaConfig(vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, pad_token_id=0),
    )
    config.image_token_id = tokenizer.convert_tokens_to_ids("<image>")
    torch.manual_seed(0)
    LlavaForConditionalGeneration(config).save_pretrained(tmp_path)
    images = CLIPImageProcessor(size={"height": 28, "width": 28}, crop_size={"height": 28, "width": 28})
    LlavaProcessor(images, tokenizer, patch_size=14, vision_feature_select_strategy="default", num_additional_image_tokens=1).save_pretrained(tmp_path)
    model = HfVlm.open(tmp_path)
    assert model.facts == {"prompt": "pictures, then the words", "pictures": "the model's own size"}
    assert model.answer(QUESTIONS, LIMITS) == [model.answer([question], LIMITS)[0] for question in QUESTIONS]


@pytest.mark.parametrize(("files", "message"), [
    ({}, r"no config\.json in .*; give the folder of a model"),
    ({"config.json": {"model_type": "bert"}}, "cannot be opened as an image-text-to-text model"),
    ({"config.json": {"model_type": "qwen2_vl"}}, "cannot be opened as an image-text-to-text model"),
])  # fmt: skip
def test_a_folder_that_holds_no_such_model_is_refused(tmp_path, files, message):
    for name, values in files.items():
        (tmp_path / name).write_text(json.dumps(values))
    with pytest.raises(ValueError, match=message):
        HfVlm.open(tmp_path)

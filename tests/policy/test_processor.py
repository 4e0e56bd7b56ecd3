"""The processor: ChatML pieces, pictures, and positions equal to the stock Qwen2-VL's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from policy.presets import preset
from policy.processor import NEXT_ACTION, Processor, config_for
from policy.tokenizer import train_tokenizer

CONFIG = preset("chatvla_tiny")


@pytest.fixture(scope="module")
def processor():
    return Processor(train_tokenizer(["Put the yellow duck into the box.", "How many?", "two"]), CONFIG)


def test_a_prompt_reads_as_chatml(processor):
    text = processor.tokenizer.decode(processor.prompt_ids("control", 2, "Sort the toys."))
    picture = "<|vision_start|>" + "<|image_pad|>" * 48 + "<|vision_end|>"
    assert text == (
        "<|im_start|>system\nPredict robot action<|im_end|>\n<|im_start|>user\n"
        + picture * 2
        + " Sort the toys.<|im_end|>\n<|im_start|>assistant\n"
    )


def test_an_answer_decodes_to_itself(processor):
    assert processor.decode(processor.answer_ids("Put the yellow duck into the box." + NEXT_ACTION)) == (
        "Put the yellow duck into the box. Next Action:"
    )


def test_half_size_is_the_exact_average_of_four_pixels(processor):
    frame = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    small = processor.image(frame, "left")
    exact = frame.reshape(120, 2, 160, 2, 3).astype(float).mean((1, 3))
    np.testing.assert_array_equal(small, np.floor(exact + 0.5).astype(np.uint8))


def test_other_sizes_are_resized_and_floats_refused(processor):
    assert processor.image(np.zeros((300, 500, 3), np.uint8)).shape == (120, 160, 3)
    with pytest.raises(ValueError, match=r"camera 'wrist' gave \(240, 320, 3\) float32, expected .* uint8 RGB"):
        processor.image(np.zeros((240, 320, 3), np.float32), "wrist")


@pytest.mark.parametrize("n_images", [1, 3])
def test_positions_of_a_single_turn_equal_the_stock_model(processor, n_images):
    from transformers import Qwen2VLConfig, Qwen2VLModel

    ids = np.array(processor.prompt_ids("control", n_images, "How many?") + processor.answer_ids("two"))
    config = Qwen2VLConfig(
        text_config={"vocab_size": len(processor.tokenizer), "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1},
        vision_config={"depth": 1, "embed_dim": 16, "hidden_size": 32, "num_heads": 2, "patch_size": 20, "spatial_merge_size": 1},
        image_token_id=processor.image_id,
    )  # fmt: skip
    row = torch.from_numpy(ids)[None]
    model: Any = Qwen2VLModel(config)  # its signature asks for LongTensor, which no operation returns
    stock, _ = model.get_rope_index(
        row, (row == processor.image_id).int(), image_grid_thw=torch.tensor([[1, 6, 8]] * n_images)
    )
    np.testing.assert_array_equal(processor.positions(ids, np.zeros(len(ids), int)), stock[:, 0].numpy())


def test_a_packed_text_has_the_positions_it_would_have_alone(processor):
    prefix, a, b = processor.opening_ids("understanding", 1), processor.user_ids("How many?"), processor.user_ids("two")
    packed = np.array([*prefix, *a, *b, processor.pad_id])
    segment = np.repeat([0, 1, 2, -1], [len(prefix), len(a), len(b), 1])
    alone = np.array(prefix + b)
    positions = processor.positions(packed, segment)
    np.testing.assert_array_equal(
        positions[:, segment == 2], processor.positions(alone, np.zeros(len(alone), int))[:, len(prefix) :]
    )
    assert (positions[:, -1] == 0).all()


def test_the_wrist_camera_may_have_fewer_tokens(processor):
    wide = Processor(processor.tokenizer, replace(preset("chatvla_2b"), text=CONFIG.text))
    ids = np.array(wide.prompt_ids("control", 3, "How many?"))
    positions = wide.positions(ids, np.zeros(len(ids), int))
    runs = np.flatnonzero(ids == wide.image_id)
    assert len(runs) == 99 + 99 + 4
    assert positions[2, runs[-1]] - positions[2, runs[-2]] == 1


def test_a_config_takes_the_special_ids_of_its_tokenizer(processor):
    fitted = config_for(CONFIG, processor.tokenizer)
    assert fitted.text.image_token_id == processor.image_id
    assert (
        len({fitted.text.pad_token_id, fitted.text.image_token_id, fitted.text.video_token_id, processor.end_id}) == 4
    )

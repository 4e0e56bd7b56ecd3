"""Octo's trunk: who sees whom, T5 from its own checkpoint, a tokenizer for each camera, and both sizes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import T5EncoderModel, T5ForConditionalGeneration

from policy.backbones.build import pretrained_backbone
from policy.backbones.octo import OctoBackbone, StandardConv
from policy.batch import attention_mask
from policy.chat_format import LONGEST_INSTRUCTION, OCTO
from policy.chatvla import ChatVLA
from policy.config import ChatVLAConfig
from policy.dry_run import parameters
from policy.normalizer import NormStats
from policy.positions import PICTURES, READOUT, WORDS, blocks
from policy.presets import preset
from policy.processor import Processor, config_for
from policy.tokenizer import train_tokenizer
from tests.policy import published
from tests.policy.small import toy

OCTO_SIZES = {"octo_small": 27e6, "octo_base": 93e6}  # octo-models/octo, README; T5 not counted
T5_BASE_ENCODER = 109_628_544  # t5-base: 222,903,552 parameters, less those of its decoder
# A picture of four tokens, words and their end, the readout token; then a shorter instruction and padding.
IDS = torch.tensor([[3, 3, 3, 3, 20, 21, 22, 1, 4], [3, 3, 3, 3, 20, 1, 4, 0, 0]])
SEGMENT = torch.tensor([[0] * 9, [0] * 7 + [-1] * 2])


@pytest.fixture(scope="module")
def config() -> ChatVLAConfig:
    made = toy(preset("octo_t5_tiny"))
    return replace(made, text=replace(made.text, vocab_size=64))


@pytest.fixture
def octo(config) -> OctoBackbone:
    torch.manual_seed(0)
    return OctoBackbone(config).eval()


def states(octo: OctoBackbone, ids: torch.Tensor = IDS, picture: int = 0) -> torch.Tensor:
    images = torch.randint(0, 256, (len(ids), 32, 32, 3), generator=torch.Generator().manual_seed(picture), dtype=torch.uint8)
    segment = SEGMENT[: len(ids), : ids.shape[1]]
    embeds = octo.get_input_embeddings()(ids).masked_scatter((ids == 3)[..., None], octo.see(images, [0] * len(ids)))
    where = torch.from_numpy(np.stack([blocks(i, s, 3, 4) for i, s in zip(ids.numpy(), segment.numpy(), strict=True)], 1))
    found = octo.hidden_states(embeds, where, attention_mask(segment, prefix_lm=True), "control").last_hidden_state
    assert found is not None
    return found


def test_the_blocks_of_a_row():
    assert blocks(IDS[0].numpy(), SEGMENT[0].numpy(), 3, 4)[1].tolist() == [PICTURES] * 4 + [WORDS] * 4 + [READOUT]
    assert blocks(IDS[1].numpy(), SEGMENT[1].numpy(), 3, 4)[0].tolist() == [PICTURES] * 4 + [WORDS] * 2 + [READOUT] + [WORDS] * 2


@torch.no_grad()
def test_words_see_words_pictures_see_both_and_the_readout_sees_all_unseen(octo):
    before = states(octo)[0]
    other_picture = states(octo, picture=1)[0]
    assert torch.equal(other_picture[4:8], before[4:8])
    assert not torch.allclose(other_picture[:4], before[:4], atol=1e-3)
    assert not torch.allclose(other_picture[8], before[8], atol=1e-3)
    words = IDS.clone()
    words[0, 6] = 30  # the last word: every word, every patch and the readout see it
    moved = (states(octo, words)[0] - before).abs().amax(1)
    assert (moved > 1e-4).all()
    octo.words.readout.data.neg_()
    assert torch.equal(states(octo)[0][:8], before[:8])
    assert not torch.allclose(states(octo)[0][8], before[8], atol=1e-3)


@torch.no_grad()
def test_a_row_beside_a_longer_one_computes_what_it_does_alone(octo):
    beside = states(octo)
    torch.testing.assert_close(beside[0], states(octo, IDS[:1])[0], atol=1e-5, rtol=1e-5)
    octo.words.word_encoder.requires_grad_(False)
    shorter = octo.words(IDS[1:, :7])[0]
    torch.testing.assert_close(octo.words(IDS)[1, :7], shorter, atol=1e-5, rtol=1e-5)
    assert not octo.words(IDS)[1, 7:].any()


@torch.no_grad()
def test_words_are_read_as_t5_reads_them_whole_or_encoder_alone(config, tmp_path):
    words = torch.tensor([[20, 21, 22, 1]])
    for kind in (T5ForConditionalGeneration, T5EncoderModel):
        t5 = published.t5(config, tmp_path, kind)
        expected = t5.get_encoder()(input_ids=words).last_hidden_state
        ours = pretrained_backbone(tmp_path, config).eval()
        torch.testing.assert_close(ours.words.word_encoder(input_ids=words).last_hidden_state, expected)
        read = ours.words(torch.tensor([[3, 20, 21, 22, 1, 4]]))[0, 1:5]
        torch.testing.assert_close(read, ours.words.project(expected[0]) + ours.words.position[:4])


def test_a_t5_of_another_size_is_refused(config, tmp_path):
    assert config.word_encoder is not None
    published.t5(replace(config, word_encoder=replace(config.word_encoder, intermediate_size=48)), tmp_path)
    with pytest.raises(ValueError, match=r"d_ff 48 \(preset octo_t5_tiny: 32\)"):
        pretrained_backbone(tmp_path, config)


@torch.no_grad()
def test_every_camera_has_a_tokenizer_of_its_own(octo):
    images = torch.randint(0, 256, (1, 32, 32, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8).repeat(3, 1, 1, 1)
    left, right, again = octo.see(images, [0, 1, 0]).unflatten(0, (3, 4))
    assert torch.equal(left, again)
    assert not torch.allclose(left, right, atol=1e-2)
    assert octo.see(images[:, :16, :16].contiguous(), [2, 2, 2]).shape == (3, 32)


@torch.no_grad()
def test_only_the_shape_of_a_filter_counts():
    torch.manual_seed(0)
    conv, x = StandardConv(3, 8), torch.randn(1, 3, 8, 8)
    before = conv(x)
    conv.weight.mul_(3.0).add_(torch.randn(8, 1, 1, 1))
    torch.testing.assert_close(conv(x), before, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("name", OCTO_SIZES)
def test_it_has_octos_size(name):
    with torch.device("meta"):
        model = ChatVLA(preset(name), NormStats.unit())
    found, width = parameters(model), model.config.text.hidden_size
    assert found["word encoder"] == T5_BASE_ENCODER
    third = sum(p.numel() for n, p in model.named_parameters() if ".tokenizers.right." in n)
    moments = 9 * (256 + 64 + 1) * width  # positions of ten moments, of which we have one
    goals = 2 * 3 * 9 * 32  # both stems also see a goal picture
    assert sum(found.values()) - T5_BASE_ENCODER - third + moments + goals == pytest.approx(OCTO_SIZES[name], rel=0.01)


def test_an_instruction_that_is_too_long_loses_its_end_and_never_the_readout():
    tokenizer = train_tokenizer(["Sort the toys."], vocab_size=400, chat=OCTO)
    processor = Processor(tokenizer, config_for(preset("octo_t5_tiny"), tokenizer))
    ids = processor.prompt_ids("control", 3, "Sort the toys. " * 20)
    readout, picture = processor.config.text.readout_token_id, processor.image_id
    assert ids[-2:] == [processor.end_id, readout]
    assert sum(i not in (picture, readout) for i in ids) == LONGEST_INSTRUCTION
    assert ids.count(picture) == 64 + 64 + 16
    with pytest.raises(ValueError, match="an instruction has 33 tokens, octo reads 32; say it shorter"):
        OctoBackbone(toy(processor.config)).words(torch.full((1, 33), 20))

"""Streamed text is the answer, whole and in order."""

import numpy as np
import torch

from policy.inference import ChatVLAPolicy
from policy.processor import Processor
from policy.streaming import TokenStream
from tests.policy.small import small_model


def test_the_pieces_are_the_text(processor):
    pieces = []
    stream = TokenStream(processor, pieces.append)
    for i in processor.encode("the yellow duck is left"):
        stream(torch.tensor([i]))
    assert "".join(pieces) == "the yellow duck is left"
    assert len(pieces) > 3


def test_a_character_of_several_bytes_is_told_when_it_is_whole(processor):
    ids = processor.encode("grün")
    pieces = []
    stream = TokenStream(processor, pieces.append)
    for i in ids:
        stream(torch.tensor([i]))
    assert "".join(pieces) == "grün"
    assert not any("\ufffd" in p for p in pieces)


def test_what_is_streamed_is_what_is_answered(processor):
    torch.manual_seed(0)
    model = type(small_model())(processor.config, small_model().stats).eval()
    policy = ChatVLAPolicy(model, Processor(processor.tokenizer, processor.config))
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    pieces = []
    answer = policy.answer(image, "what colour is the duck?", "right", pieces.append)
    assert "".join(pieces).strip() == answer == policy.answer(image, "what colour is the duck?", "right")

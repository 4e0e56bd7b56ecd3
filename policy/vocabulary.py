"""A trained network meets tasks with words that it does not know: it gets a vocabulary that has them, and keeps the rest.

Of the networks with a small vocabulary of their own; a pretrained backbone's has every word in pieces.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from policy.chat_format import FORMATS
from policy.chatvla import ChatVLA
from policy.normalizer import NormStats
from policy.processor import Processor, config_for
from policy.tokenizer import train_tokenizer


def unknown(processor: Processor, words: Sequence[str]) -> list[str]:
    """Those words that must be single tokens and are not."""
    return [w for w in words if len(processor.encode(w)) > 1] if processor.leading_space else []


def taught(policy: ChatVLA, old: Processor, texts: Sequence[str], words: Sequence[str], stats: NormStats) -> tuple[ChatVLA, Processor]:
    """The same network with a vocabulary made of `texts` and `words`, and the ranges `stats`.

    A token that was there keeps its vector, and a new one starts as the mean of the tokens that it used to be written
    with. What only the old texts had is forgotten; the weights that read ranges keep their values, which now mean other metres.
    """
    tokenizer = train_tokenizer(texts, words, chat=FORMATS[policy.config.backbone])
    config = config_for(policy.config, tokenizer)
    made = ChatVLA(config, stats)
    weights: dict[str, Tensor] = {n: p.detach() for n, p in policy.named_parameters()}
    size = config.text.vocab_size
    for name, tensor in list(weights.items()):
        if tensor.shape[:1] == (policy.config.text.vocab_size,) and name.startswith("vlm."):
            weights[name] = _moved(tensor, old.tokenizer, tokenizer, size)
    made.load_state_dict(weights, strict=False)
    made.vlm.tie_weights()
    return made.eval(), Processor.of(tokenizer, config, stats)


def _moved(vectors: Tensor, old: PreTrainedTokenizerFast, new: PreTrainedTokenizerFast, size: int) -> Tensor:
    """(size, d): the rows of `vectors` (V, d) in the new order; behind the words, where actions are, as they were."""
    ids = old.get_vocab()
    moved = vectors.mean(0).repeat(size, 1)
    behind = vectors[len(old) :]
    moved[len(new) : len(new) + len(behind)] = behind[: size - len(new)]
    for token, row in new.get_vocab().items():
        pieces = [ids[token]] if token in ids else old.encode(new.convert_tokens_to_string([token]), add_special_tokens=False)
        if pieces:
            moved[row] = vectors[torch.tensor(pieces)].mean(0)
    return moved

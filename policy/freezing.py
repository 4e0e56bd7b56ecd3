"""Which parameters a stage leaves as they are, by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence

from torch import nn

from policy.experts import is_control_expert, is_understanding_expert


def is_head(name: str) -> bool:
    """The diffusion head itself (the fusion and the readouts before it make the condition and are not it)."""
    return ".head." in f".{name}"


def is_embedding(name: str) -> bool:
    """The matrices through which words are read and spoken."""
    return any(part in name for part in (".embed_tokens.", ".embed_in.", ".lm_head."))


def is_vlm(name: str) -> bool:
    """The vision-language model, with the stem through which it sees."""
    return any(part in f".{name}" for part in (".vlm.", ".stem."))


def is_word_encoder(name: str) -> bool:
    """What reads the words for a transformer that does not (Octo's T5)."""
    return ".word_encoder." in name


PARTS: Mapping[str, Callable[[str], bool]] = {
    "understanding_expert": is_understanding_expert,
    "control_expert": is_control_expert,
    "head": is_head,
    "vlm": is_vlm,
    "word_encoder": is_word_encoder,
    "embeddings": is_embedding,
    "all_but_head": lambda name: not is_head(name),
    "all_but_understanding_expert": lambda name: not is_understanding_expert(name),
}


def freeze(module: nn.Module, parts: Sequence[str]) -> int:
    """Sets requires_grad of every parameter: False in `parts`, True elsewhere. Returns how many are frozen.

    Raises:
        ValueError: an unknown part, with the nearest; or a part that no parameter belongs to.
    """
    for part in parts:
        if part not in PARTS:
            near = difflib.get_close_matches(part, PARTS, 1, 0.4)
            raise ValueError(
                f"unknown part {part!r}; " + (f"did you mean {near[0]!r}?" if near else f"known: {', '.join(PARTS)}")
            )
    hits = dict.fromkeys(parts, 0)
    frozen = 0
    for name, parameter in module.named_parameters():
        own = [p for p in parts if PARTS[p](name)]
        for part in own:
            hits[part] += 1
        parameter.requires_grad_(not own)
        frozen += bool(own)
    empty = [p for p, n in hits.items() if not n]
    if empty:
        raise ValueError(f"no parameter belongs to {empty}; the network's names and policy.freezing.PARTS disagree")
    return frozen

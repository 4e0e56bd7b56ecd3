"""Starts a network from the understanding path of one of our checkpoints, as the paper's starts from Qwen2-VL."""

from __future__ import annotations

from pathlib import Path

from transformers import PreTrainedTokenizerFast

from policy import checkpoint
from policy.backbones.build import build_backbone
from policy.chatvla import ChatVLA
from policy.config import ChatVLAConfig
from policy.experts import is_control_expert
from policy.feed_forward import make_experts
from policy.normalizer import NormStats
from policy.processor import config_for

TRUNK = ("backbone", "text", "vision", "second_vision", "word_encoder", "options", "image_size", "wrist_size", "cameras", "keypoints", "stem_width")
CARRIED = ("stem", "readout", "positions")  # what stage 0 trains besides the vision-language model


def is_checkpoint(folder: str | Path) -> bool:
    """Whether a folder is one of ours, and not a plain model's."""
    return (Path(folder) / "contract.json").is_file()


def understanding_path(folder: str | Path, wanted: ChatVLAConfig, stats: NormStats) -> tuple[ChatVLA, PreTrainedTokenizerFast]:
    """`wanted` with the vision-language model, the stem and the readouts of a checkpoint, and its tokenizer.

    All experts start as its understanding expert, whatever `wanted` has, so that networks with other experts compute
    the same at first. Its control experts, action head and reasoning module stay behind.

    Raises:
        ValueError: the checkpoint understands through more than one expert, or its trunk is another.
    """
    found, tokenizer = checkpoint.load(folder)
    if found.config.experts.kind not in ("static", "dense"):
        raise ValueError(f"{folder} understands through {found.config.experts.kind} experts; a network starts from one that does through a single one (static or dense)")
    fitted = config_for(wanted, tokenizer)
    if differs := [name for name in TRUNK if getattr(found.config, name) != getattr(fitted, name)]:
        raise ValueError(f"{folder} is a {found.config.name} and differs from {wanted.name} in {', '.join(differs)}; give train.preset= one of its trunk, or another train.pretrained=")
    dense = build_backbone(fitted.with_experts("dense"))
    if found.stem is not None:
        dense.drop_patch_embedding()
    dense.load_state_dict({k: v for k, v in found.vlm.state_dict().items() if not is_control_expert(k)})
    make_experts(dense, fitted.experts)
    policy = ChatVLA(fitted, stats, dense)
    for name in CARRIED:
        part, source = getattr(policy, name), getattr(found, name)
        if part is not None:
            part.load_state_dict(dict(source.named_parameters()), strict=False)  # buffers are ranges of the new data
    return policy, tokenizer

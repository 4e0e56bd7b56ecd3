"""Starts a network from the understanding path of one of our checkpoints, as the paper's starts from Qwen2-VL."""

from __future__ import annotations

from dataclasses import replace
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
READOUTS = ("keypoint_readout", "object_positions")  # options that the last two stand for, behind the trunk


def is_checkpoint(folder: str | Path) -> bool:
    """Whether a folder is one of ours, and not a plain model's."""
    return (Path(folder) / "contract.json").is_file()


def understanding_path(folder: str | Path, wanted: ChatVLAConfig, stats: NormStats) -> tuple[ChatVLA, PreTrainedTokenizerFast]:
    """`wanted` with the vision-language model, the stem and the readouts of a checkpoint, and its tokenizer.

    All experts start as its understanding expert, whatever `wanted` has, so that networks with other experts compute
    the same at first. Its control experts, action head and reasoning module stay behind, and readouts that `wanted` lacks.

    Raises:
        ValueError: the checkpoint understands through more than one expert, or its trunk is another.
    """
    found, tokenizer = checkpoint.load(folder)
    if found.config.experts.kind not in ("static", "dense"):
        raise ValueError(f"{folder} understands through {found.config.experts.kind} experts; a network starts from one that does through a single one (static or dense)")
    if differs := ["backbone"] if found.config.backbone != wanted.backbone else different(found.config, config_for(wanted, tokenizer)):
        raise ValueError(f"{folder} is a {found.config.name} and differs from {wanted.name} in {', '.join(differs)}; give train.preset= one of its trunk, or another train.pretrained=")
    fitted = config_for(wanted, tokenizer)
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


def different(found: ChatVLAConfig, wanted: ChatVLAConfig) -> list[str]:
    """In what of `TRUNK` two networks of one vocabulary differ; readouts that only `found` has do not count."""
    dropped = {name: False for name in READOUTS if not getattr(wanted.options, name)}
    found = replace(found, options=replace(found.options, **dropped))
    return [name for name in TRUNK if getattr(found, name) != getattr(wanted, name)]

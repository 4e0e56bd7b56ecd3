"""The named networks.

`chatvla_2b` is the paper: Qwen2-VL-2B-Instruct, two experts per layer, DiT-L head, epsilon prediction, every option off.
`chatvla_tiny` is the same classes at 1-2 M parameters; what it adds is named in `Options` with the measurement behind it.
`varied` makes the networks that these are compared with: other experts, other ways of reasoning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from policy.config import (
    ChatVLAConfig,
    ExpertKind,
    ExpertsConfig,
    HeadConfig,
    LossWeights,
    Options,
    Reasoning,
    TextConfig,
    VisionConfig,
    nearest,
)
from policy.presets_baselines import full_baselines, tiny_baselines
from policy.presets_trunks import TRUNKS

# The probe summed four words' losses beside the questions' mean; `words` is their mean.
TINY_LOSS = LossWeights(lm=1.0, action=1.0, words=4.0, positions=2.0)

_CHATVLA_2B = ChatVLAConfig()
_CHATVLA_TINY = ChatVLAConfig(
    name="chatvla_tiny",
    text=TextConfig(
        vocab_size=1024,
        hidden_size=128,
        intermediate_size=352,
        layers=4,
        heads=4,
        kv_heads=2,
        mrope_section=(4, 6, 6),
        rope_theta=1e4,
        max_positions=2048,
        initializer_range=0.08,
        pad_token_id=0,
        image_token_id=1,
        video_token_id=2,
        vision_start_token_id=3,
        vision_end_token_id=4,
    ),
    vision=VisionConfig(depth=3, embed_dim=96, heads=4, patch_size=20, spatial_merge_size=1, initializer_range=0.08),
    head=HeadConfig(width=128, depth=3, heads=4, prediction="sample", noise_samples=4),
    options=Options(
        conv_stem=True,
        linear_patch_embed=True,
        plain_attention=True,
        keypoint_readout=True,
        image_words=True,
        object_positions=True,
        condition_mlp=True,
    ),
    loss=TINY_LOSS,
    image_size=(120, 160),
    wrist_size=None,
)

# ChatVLA on Qwen2-VL-7B-Instruct (its config.json). The paper trains 2B alone: head, data and all else are chatvla_2b's.
_CHATVLA_7B = ChatVLAConfig(
    name="chatvla_7b",
    text=TextConfig(
        vocab_size=152064, hidden_size=3584, intermediate_size=18944, layers=28, heads=28, kv_heads=4, tied=False
    ),
)

# ChatVLA-2 (arXiv:2505.21906, supplement; research/policy.md 2): 8 experts a layer, 2 for each token, every one a copy of
# Qwen2-VL's at the start; ScaleDP_H with the reasoning in its latter half. Not known from the source and chosen here: the
# loss that balances the experts (0.01, of the one variant in its authors' code that has any), images and horizon as in
# ChatVLA. Left out: the pre-training of the head on its own, and the layers that a review puts before the action tokens.
_CHATVLA2_2B = ChatVLAConfig(
    name="chatvla2_2b",
    head=HeadConfig(width=1280, depth=32, heads=16),
    loss=LossWeights(balance=0.01),
    experts=ExpertsConfig("dynamic", count=8, top_k=2),
    reasoning="latter",
)
# The same on chatvla_tiny's trunk and options; a head of even depth, so that it has a latter half.
_CHATVLA2_TINY = replace(
    _CHATVLA_TINY,
    name="chatvla2_tiny",
    head=replace(_CHATVLA_TINY.head, depth=4),
    loss=replace(TINY_LOSS, balance=0.01),
    experts=_CHATVLA2_2B.experts,
    reasoning="latter",
)

# ChatVLA on PaliGemma-3B, as the paper tries it (table 12). Dimensions: google/paligemma-3b-pt-224. The paper does not
# say how it wrote prompts or positions; here they are PaliGemma's own (policy.chat_format).
_PALIGEMMA_3B = ChatVLAConfig(
    name="chatvla_paligemma_3b",
    backbone="paligemma",
    text=TextConfig(
        vocab_size=257216,
        hidden_size=2048,
        intermediate_size=16384,
        layers=18,
        heads=8,
        kv_heads=1,
        head_dim=256,
        rope_theta=1e4,
        max_positions=8192,
        pad_token_id=0,
        image_token_id=257152,
    ),
    vision=VisionConfig(depth=27, embed_dim=1152, heads=16, mlp_width=4304, spatial_merge_size=1),
    image_size=(224, 224),
    wrist_size=None,
)
_PALIGEMMA_TINY = replace(
    _CHATVLA_TINY,
    name="chatvla_paligemma_tiny",
    backbone="paligemma",
    text=replace(_CHATVLA_TINY.text, kv_heads=1, head_dim=32),
    vision=replace(_CHATVLA_TINY.vision, mlp_width=384),
)

PRESETS: Mapping[str, ChatVLAConfig] = {
    "chatvla_2b": _CHATVLA_2B,
    "chatvla_tiny": _CHATVLA_TINY,
    "chatvla_7b": _CHATVLA_7B,
    "chatvla2_2b": _CHATVLA2_2B,
    "chatvla2_tiny": _CHATVLA2_TINY,
    "chatvla_paligemma_3b": _PALIGEMMA_3B,
    "chatvla_paligemma_tiny": _PALIGEMMA_TINY,
    **tiny_baselines(_CHATVLA_TINY, _PALIGEMMA_TINY),
    **full_baselines(_CHATVLA_2B, _PALIGEMMA_3B),
    **TRUNKS,
}


def preset(name: str) -> ChatVLAConfig:
    """The preset of that name.

    Raises:
        ValueError: there is none; the message names the nearest.
    """
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}{nearest(name, PRESETS)}; known: {', '.join(PRESETS)}")
    return PRESETS[name]


def varied(
    config: ChatVLAConfig, experts: ExpertKind | None = None, reasoning: Reasoning | None = None, count: int | None = None, top_k: int | None = None
) -> ChatVLAConfig:
    """The same network with other experts, or with its reasoning reaching the actions another way; None: as it is.

    Raises:
        ValueError: a number of experts, or of those that are chosen, where none are chosen or it is impossible.
    """
    config = config if experts is None else config.with_experts(experts)
    numbers = {name: value for name, value in (("count", count), ("top_k", top_k)) if value is not None}
    if numbers and config.experts.kind != "dynamic":
        raise ValueError(f"expert_count and top_k are of dynamic experts, and these are {config.experts.kind}; give experts=dynamic too, or leave them out")
    config = replace(config, experts=replace(config.experts, **numbers))
    return config if reasoning is None else replace(config, reasoning=reasoning)

"""The named networks.

`chatvla_2b` is the paper: Qwen2-VL-2B-Instruct, two experts per layer, DiT-L head, epsilon prediction, every option off.
`chatvla_tiny` is the same classes at 1-2 M parameters; what it adds is named in `Options` with the measurement behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from policy.config import ChatVLAConfig, HeadConfig, Options, TextConfig, VisionConfig, nearest
from policy.presets_baselines import full_baselines, tiny_baselines

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
    image_size=(120, 160),
    wrist_size=None,
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
    "chatvla_paligemma_3b": _PALIGEMMA_3B,
    "chatvla_paligemma_tiny": _PALIGEMMA_TINY,
    **tiny_baselines(_CHATVLA_TINY, _PALIGEMMA_TINY),
    **full_baselines(_CHATVLA_2B, _PALIGEMMA_3B),
}


def preset(name: str) -> ChatVLAConfig:
    """The preset of that name.

    Raises:
        ValueError: there is none; the message names the nearest.
    """
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}{nearest(name, PRESETS)}; known: {', '.join(PRESETS)}")
    return PRESETS[name]

"""The named networks.

`chatvla_2b` is the paper: Qwen2-VL-2B-Instruct, two experts per layer, DiT-L head, epsilon prediction, every option off.
`chatvla_tiny` is the same classes at 1-2 M parameters; what it adds is named in `Options` with the measurement behind it.
"""

from __future__ import annotations

from collections.abc import Mapping

from policy.config import ChatVLAConfig, HeadConfig, Options, TextConfig, VisionConfig, nearest


def preset(name: str) -> ChatVLAConfig:
    """The preset of that name.

    Raises:
        ValueError: there is none; the message names the nearest.
    """
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}{nearest(name, PRESETS)}; known: {', '.join(PRESETS)}")
    return PRESETS[name]


PRESETS: Mapping[str, ChatVLAConfig] = {
    "chatvla_2b": ChatVLAConfig(),
    "chatvla_tiny": ChatVLAConfig(
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
    ),
}

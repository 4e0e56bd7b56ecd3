"""Baselines on trunks of their own: Prismatic (OpenVLA, RT-2, ECoT), LLaVA-Pythia (TinyVLA) and Octo's, at their sources' size and tiny.

Dimensions are the sources'; each network says what differs besides. Common to all, and different from the sources: three
cameras instead of one or two, absolute poses of ten numbers at 15 Hz within their least and greatest values, and of those
with a head also proprioception. The tiny ones are the same classes with narrow layers: to try a trunk before renting for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from policy.config import DENSE, ChatVLAConfig, HeadConfig, Options
from policy.config_trunk import TextConfig, VisionConfig, WordEncoderConfig

SPOKEN = HeadConfig(kind="tokens")
READOUT = HeadConfig(kind="readout", width=256, depth=3, train_steps=20, inference_steps=20)
PLAIN = Options(plain_attention=True)

# OpenVLA (arXiv:2406.09246) on prism-dinosiglip-224px: 7.54 B parameters, of which the 44 M that it never reads are left
# out here. The next action alone, as tokens that the language model speaks, greedily. Differs: ten numbers, not seven.
_OPENVLA_7B = ChatVLAConfig(
    name="openvla_7b",
    backbone="prismatic",
    text=TextConfig(
        vocab_size=32064,
        hidden_size=4096,
        intermediate_size=11008,
        layers=32,
        heads=32,
        kv_heads=32,
        rope_theta=1e4,
        max_positions=2048,
        pad_token_id=32000,
        image_token_id=0,
        tied=False,
        action_end=32000,
    ),
    vision=VisionConfig(depth=27, embed_dim=1152, heads=16, mlp_width=4304, spatial_merge_size=1),
    second_vision=VisionConfig(depth=24, embed_dim=1024, heads=16, mlp_width=4096, spatial_merge_size=1),
    head=SPOKEN,
    experts=DENSE,
    reasoning="none",
    horizon=1,
    image_size=(224, 224),
    wrist_size=None,
)
_PRISMATIC_TINY = replace(
    _OPENVLA_7B,
    name="openvla_prismatic_tiny",
    text=TextConfig(
        vocab_size=1024,
        hidden_size=128,
        intermediate_size=352,
        layers=4,
        heads=4,
        kv_heads=4,
        rope_theta=1e4,
        max_positions=2048,
        initializer_range=0.08,
        pad_token_id=3,
        image_token_id=0,
        tied=False,
    ),
    vision=VisionConfig(depth=4, embed_dim=96, heads=4, patch_size=20, spatial_merge_size=1, initializer_range=0.08, mlp_width=384),
    second_vision=VisionConfig(depth=4, embed_dim=96, heads=4, patch_size=20, spatial_merge_size=1, initializer_range=0.08, mlp_width=384),
    options=PLAIN,
    image_size=(120, 120),
)

_PYTHIA = TextConfig(
    vocab_size=50304,
    kv_heads=8,
    rope_theta=1e4,
    max_positions=2048,
    pad_token_id=0,
    image_token_id=1,
    tied=False,
)
# TinyVLA-H (arXiv:2409.12514) on LLaVA-Pythia-1.3B, CLIP ViT-L/14 at 336 px before Pythia-1B. The mean of all states
# conditions a diffusion U-Net; sixteen actions, blended with those of before. Differs: pictures are squeezed into a square,
# not padded; the language model keeps the matrix that it speaks through, so that it still answers. The source trains
# adapters alone beside projector and head: train.lora=64 train.lora_parts=[language,vision,experts].
_TINYVLA_H = ChatVLAConfig(
    name="tinyvla_h",
    backbone="llava_pythia",
    text=replace(_PYTHIA, hidden_size=2048, intermediate_size=8192, layers=16, heads=8),
    vision=VisionConfig(depth=24, embed_dim=1024, heads=16, mlp_width=4096, spatial_merge_size=1),
    head=HeadConfig(kind="unet"),
    experts=DENSE,
    reasoning="none",
    ensemble=0.01,
    image_size=(336, 336),
    wrist_size=None,
)
_PYTHIA_TINY = replace(
    _TINYVLA_H,
    name="tinyvla_pythia_tiny",
    text=replace(_PYTHIA, vocab_size=1024, hidden_size=128, intermediate_size=512, layers=4, heads=4, kv_heads=4, initializer_range=0.08),
    vision=_PRISMATIC_TINY.vision,
    head=HeadConfig(kind="unet", widths=(32, 64, 128), prediction="sample", noise_samples=4),
    options=PLAIN,
    image_size=(120, 120),
)

# Octo-Base (arXiv:2405.12213): a ViT-B behind T5-base, which is frozen. The readout token's state conditions a small MLP
# that denoises four actions. Differs: one moment instead of two; no goal pictures; a tokenizer of its own for each of three
# cameras; instructions of 32 tokens instead of 16; least and greatest values bound the actions, not mean and deviation.
_OCTO_BASE = ChatVLAConfig(
    name="octo_base",
    backbone="octo",
    text=TextConfig(
        vocab_size=32128,
        hidden_size=768,
        intermediate_size=3072,
        layers=12,
        heads=12,
        kv_heads=12,
        max_positions=1024,
        pad_token_id=0,
        image_token_id=32099,
        readout_token_id=32098,
        tied=False,
    ),
    vision=VisionConfig(patch_size=16, spatial_merge_size=1),
    word_encoder=WordEncoderConfig(),
    head=READOUT,
    experts=DENSE,
    reasoning="none",
    horizon=4,
    image_size=(256, 256),
    wrist_size=(128, 128),
    stem_width=32,
)
_OCTO_TINY = replace(
    _OCTO_BASE,
    name="octo_t5_tiny",
    text=replace(
        _OCTO_BASE.text,
        vocab_size=1024,
        hidden_size=128,
        intermediate_size=512,
        layers=4,
        heads=4,
        kv_heads=4,
        image_token_id=3,
        readout_token_id=4,
    ),
    word_encoder=WordEncoderConfig(hidden_size=64, intermediate_size=256, layers=2, heads=4, head_width=16),
    head=replace(READOUT, noise_samples=4),
    image_size=(128, 128),
    wrist_size=(64, 64),
    stem_width=8,
)

_ALL = (
    _OPENVLA_7B,
    # RT-2 (arXiv:2307.15818): its recipe, questions in every batch, on OpenVLA's network. Differs: RT-2's own networks
    # (PaLI-X of 55 B, PaLM-E of 12 B parameters) are not public.
    replace(_OPENVLA_7B, name="rt2_7b"),
    # ECoT (arXiv:2407.08693): OpenVLA's network, and a chain of thoughts before its tokens (policy.chain, which says
    # what differs). The source also learns the prompt, which here stands for nothing.
    replace(_OPENVLA_7B, name="ecot_7b", reasoning="chain", max_new_tokens=1024),
    _PRISMATIC_TINY,
    # TinyVLA-S on LLaVA-Pythia-400M (Pythia-70M), TinyVLA-B on -700M (Pythia-410M).
    replace(_TINYVLA_H, name="tinyvla_s", text=replace(_PYTHIA, hidden_size=512, intermediate_size=2048, layers=6, heads=8)),
    replace(_TINYVLA_H, name="tinyvla_b", text=replace(_PYTHIA, hidden_size=1024, intermediate_size=4096, layers=24, heads=16, kv_heads=16)),
    _TINYVLA_H,
    _PYTHIA_TINY,
    # Octo-Small: a ViT-S behind the same T5.
    replace(_OCTO_BASE, name="octo_small", text=replace(_OCTO_BASE.text, hidden_size=384, intermediate_size=1536, heads=6, kv_heads=6)),
    _OCTO_BASE,
    _OCTO_TINY,
)
TRUNKS: Mapping[str, ChatVLAConfig] = {config.name: config for config in _ALL}

"""A network and batches small enough for tests: the tiny preset's classes at a few thousand parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from policy.batch import Batch
from policy.chatvla import ChatVLA
from policy.config import ChatVLAConfig, HeadConfig, LossWeights, Options, TextConfig, VisionConfig
from policy.normalizer import NormStats
from policy.presets import preset
from policy.processor import mrope

IMAGE = 1  # token id
OWN_TRUNK = ("prismatic", "llava_pythia", "octo")


def small_config(**options: bool) -> ChatVLAConfig:
    """Two layers, 32 wide, images of 2 x 3 tokens; options as given, else all on."""
    tiny = preset("chatvla_tiny")
    return replace(
        tiny,
        name="small",
        text=TextConfig(
            vocab_size=64, hidden_size=32, intermediate_size=48, layers=2, heads=2, kv_heads=1, mrope_section=(2, 3, 3),
            rope_theta=1e4, max_positions=512, initializer_range=0.08, pad_token_id=0, image_token_id=IMAGE,
            video_token_id=2, vision_start_token_id=3, vision_end_token_id=4,
        ),
        vision=VisionConfig(depth=1, embed_dim=24, heads=2, patch_size=8, spatial_merge_size=1, initializer_range=0.08),
        head=HeadConfig(width=32, depth=2, heads=2, prediction="sample", noise_samples=2),
        options=Options(**options) if options else tiny.options,
        loss=LossWeights(),
        image_size=(16, 24),
        keypoints=4,
        stem_width=16,
        max_new_tokens=6,
    )  # fmt: skip


def small_model(seed: int = 0, **options: bool) -> ChatVLA:
    """A seeded random network whose zero-initialised layers have been woken, so that every path shows."""
    torch.manual_seed(seed)
    model = ChatVLA(small_config(**options), NormStats.unit()).eval()
    for module in (model.head, model.fusion):
        for parameter in module.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.1)
    return model


def row(texts: int, length: int, images: int, generator: torch.Generator) -> tuple[list[int], list[int]]:
    """Ids and segments: a prefix with `images` pictures, then `texts` packed texts of `length` tokens."""
    def words(n: int) -> list[int]:
        return torch.randint(8, 64, (n,), generator=generator).tolist()

    prefix = [5, *[3, *[IMAGE] * 6, 4] * images, *words(4)]
    ids, segment = list(prefix), [0] * len(prefix)
    for i in range(texts):
        ids, segment = ids + words(length), segment + [i + 1] * length
    return ids, segment


def small_batch(control: int = 2, understanding: int = 2, seed: int = 0, config: ChatVLAConfig | None = None) -> Batch:
    """Control rows with two packed texts (the first spoken), then understanding rows with three packed questions."""
    config = config if config is not None else small_config()
    generator = torch.Generator().manual_seed(seed)
    rows = [row(2, 5, 3, generator) for _ in range(control)] + [row(3, 4, 1, generator) for _ in range(understanding)]
    longest = max(len(ids) for ids, _ in rows)
    ids, segment = padded([r[0] for r in rows], longest, 0), padded([r[1] for r in rows], longest, -1)
    answer = segment[:control] == 1
    labels = torch.full_like(ids, -100)
    labels[:control][answer] = ids[:control][answer]
    labels[control:][segment[control:] > 0] = ids[control:][segment[control:] > 0]
    last = [[int((segment[i] == s).nonzero().max()) for s in (1, 2)] for i in range(control)]
    images = 3 * control + understanding

    def rand(*size: int) -> Tensor:
        return torch.rand(*size, generator=generator) * 2 - 1

    return Batch(
        input_ids=ids,
        segment=segment,
        position_ids=positions(ids, segment, config),
        labels=labels,
        images=torch.randint(0, 256, (images, *config.image_size, 3), generator=generator, dtype=torch.uint8),
        cameras=torch.tensor([0, 1, 2] * control + [0] * understanding, dtype=torch.long),
        n_control=control,
        agent_pos=rand(control, 17),
        actions=rand(control, 16, 10),
        action_mask=torch.ones(control, 16, dtype=torch.bool),
        answer=answer,
        readout=torch.tensor(last, dtype=torch.long).view(control, 2),
        readout_mask=torch.ones(control, 2, dtype=torch.bool),
        target_pos=rand(control, 2, 6),
        image_words=torch.randint(8, 64, (images, 6, 2), generator=generator),
        image_words_weight=torch.ones(images, 6, 2),
    )


def positions(ids: Tensor, segment: Tensor, config: ChatVLAConfig) -> Tensor:
    """(3, B, S) M-RoPE."""
    grids = {config.image_tokens(c): config.token_grid(c) for c in config.cameras}
    rows = [mrope(i, s, IMAGE, grids) for i, s in zip(ids.numpy(), segment.numpy(), strict=True)]
    return torch.from_numpy(np.stack(rows, 1))


def padded(rows: list[list[int]], length: int, value: int) -> Tensor:
    """(B, length) long."""
    return torch.tensor([r + [value] * (length - len(r)) for r in rows])


def toy(config: ChatVLAConfig) -> ChatVLAConfig:
    """The same parts at two narrow layers, and pictures of 2 x 3 or 2 x 2 tokens."""
    text, vision, head, patch = config.text, config.vision, config.head, config.vision.patch_size
    width, own = 16 if text.head_dim else None, config.backbone in OWN_TRUNK
    towers = [t and replace(t, depth=1 + own, embed_dim=24, heads=2, mlp_width=48) for t in (vision, config.second_vision)]
    words = config.word_encoder
    return replace(
        config,
        text=replace(text, hidden_size=32, intermediate_size=64, layers=2, heads=2, kv_heads=1, head_dim=width, mrope_section=(2, 3, 3)),
        vision=towers[0],
        second_vision=towers[1],
        word_encoder=words and replace(words, hidden_size=16, intermediate_size=32, layers=1, heads=2, head_width=8),
        head=replace(head, width=64 if head.kind == "readout" else 32, depth=2, heads=2, mlp_width=64, widths=(8, 16)),
        image_size=(2 * patch, (2 if own else 3) * patch),
        wrist_size=config.wrist_size and (patch, patch),
        keypoints=4,
        stem_width=8,
        max_new_tokens=96 if config.reasoning == "chain" else 12,
    )

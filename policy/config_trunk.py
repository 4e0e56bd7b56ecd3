"""The trunk of a network as immutable data: language model, vision towers, and what reads the words where that is neither."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextConfig:
    """The language model; the defaults are Qwen2-VL-2B-Instruct's config.json."""

    vocab_size: int = 151936
    hidden_size: int = 1536
    intermediate_size: int = 8960
    layers: int = 28
    heads: int = 12
    kv_heads: int = 2
    mrope_section: tuple[int, ...] = (16, 24, 24)  # half the head's width: time, height, width
    rope_theta: float = 1e6
    max_positions: int = 32768
    initializer_range: float = 0.02
    pad_token_id: int = 151643
    image_token_id: int = 151655
    video_token_id: int = 151656
    vision_start_token_id: int = 151652
    vision_end_token_id: int = 151653
    readout_token_id: int | None = None  # octo's: what reads out what the others have seen
    tied: bool = True  # words are read and spoken through one matrix
    head_dim: int | None = None  # None: hidden_size / heads
    action_end: int | None = None
    """Where actions are words, they are the last ids before this one (OpenVLA: those of Llama-2's rarest words, behind
    which its embedding goes on); None: the last of the vocabulary."""

    @property
    def head_width(self) -> int:
        """Width of an attention head."""
        return self.head_dim or self.hidden_size // self.heads


@dataclass(frozen=True)
class VisionConfig:
    """The vision tower; the defaults are Qwen2-VL's."""

    depth: int = 32
    embed_dim: int = 1280
    heads: int = 16
    patch_size: int = 14
    spatial_merge_size: int = 2
    initializer_range: float = 0.02
    mlp_width: int = 5120  # of Qwen2-VL's tower always four times its own


@dataclass(frozen=True)
class WordEncoderConfig:
    """What reads an instruction for a network whose transformer reads none; the defaults are T5-base's encoder."""

    hidden_size: int = 768
    intermediate_size: int = 3072
    layers: int = 12
    heads: int = 12
    head_width: int = 64


"""Octo's trunk: T5 reads the words, a few convolutions cut each picture into tokens, a transformer sees both, one token reads out.

Attention goes block by block: words see words, pictures see words and pictures, the readout token sees all and is seen by
none (arXiv:2405.12213, section III; policy.md 3.4). What each block's tokens are embedded with says where they stand, so
that their order in a row does not matter. Legend: B rows, S tokens, W words, N images, d the transformer's width.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import SiglipVisionConfig, T5Config, T5EncoderModel
from transformers.modeling_outputs import BaseModelOutputWithPast
from transformers.models.siglip.modeling_siglip import SiglipEncoderLayer

from policy.attention import MASKED
from policy.backbones import loading
from policy.chat_format import LONGEST_INSTRUCTION
from policy.config import ChatVLAConfig
from policy.experts import Route
from policy.experts_dynamic import Routing

DIMENSIONS = ("d_model", "d_ff", "num_layers", "num_heads", "d_kv")
STEM_GROWTH = (1, 3, 6, 12)  # of the convolutions' widths: Octo's SmallStem16 goes 32, 96, 192, 384
STEM_OUT = 16  # times the first width: 512
STD_EPS, NORM_EPS = 1e-5, 1e-6  # Octo's weight standardisation; flax's norms
POSITION_STD = 0.02


class StandardConv(nn.Conv2d):
    """A convolution by 3 at stride 2 whose filters have mean 0 and deviation 1."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__(width_in, width_out, 3, 2, 1)

    def forward(self, input: Tensor) -> Tensor:
        deviation, mean = torch.std_mean(self.weight, (1, 2, 3), correction=0, keepdim=True)
        return F.conv2d(input, (self.weight - mean) / (deviation + STD_EPS), self.bias, self.stride, self.padding)


class ImageTokenizer(nn.Module):
    """One camera's pictures (N, h, w, 3) uint8 to (N, tokens, d), with their positions."""

    def __init__(self, config: ChatVLAConfig, camera: str) -> None:
        super().__init__()
        widths = [config.stem_width * g for g in STEM_GROWTH]
        side, out = config.vision.patch_size // 2 ** len(widths), STEM_OUT * config.stem_width
        pairs = zip([3, *widths], widths, strict=False)
        self.stem = nn.Sequential(
            *(nn.Sequential(StandardConv(a, b), nn.GroupNorm(config.stem_width, b, NORM_EPS), nn.ReLU()) for a, b in pairs),
            nn.Conv2d(widths[-1], out, side, side),
        )
        self.project = nn.Linear(out, config.text.hidden_size)
        self.position = nn.Parameter(POSITION_STD * torch.randn(config.image_tokens(camera), config.text.hidden_size))

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.permute(0, 3, 1, 2).to(self.position.dtype).div(127.5).sub(1)
        return self.project(self.stem(pixels).flatten(2).mT) + self.position


class WordReader(nn.Module):
    """Token ids (B, S) to (B, S, d): words as T5 reads them, the readout token as it is learnt, 0 for all others."""

    def __init__(self, config: ChatVLAConfig) -> None:
        super().__init__()
        text = config.text
        self.others = (text.pad_token_id, text.image_token_id)
        self.readout_id = text.readout_token_id
        t5 = t5_config(config)
        self.word_encoder: Any = T5EncoderModel(t5).encoder  # whose embedding is T5's own, once
        self.project = nn.Linear(t5.d_model, text.hidden_size)
        self.position = nn.Parameter(POSITION_STD * torch.randn(LONGEST_INSTRUCTION, text.hidden_size))
        self.readout = nn.Parameter(POSITION_STD * torch.randn(text.hidden_size))

    def forward(self, ids: Tensor) -> Tensor:
        is_readout = ids == self.readout_id
        is_word = ~is_readout & (ids != self.others[0]) & (ids != self.others[1])
        longest = int(is_word.sum(1).amax())
        if longest > len(self.position):
            raise ValueError(f"an instruction has {longest} tokens, octo reads {len(self.position)}; say it shorter")
        out = is_readout[..., None] * self.readout
        if not longest:
            return out
        place = (~is_word).to(torch.int8).argsort(stable=True, dim=1)[:, :longest]  # of each row's words, in their order
        known = is_word.gather(1, place)
        read = self.read(ids.gather(1, place), known) * known[..., None]
        return out.to(read.dtype).scatter_add(1, place[..., None].expand_as(read), read)

    def read(self, words: Tensor, known: Tensor) -> Tensor:
        """(B, W, d) of words (B, W), `known` where there is one."""
        states = self.word_encoder(input_ids=words, attention_mask=known.long()).last_hidden_state
        return self.project(states) + self.position[: words.shape[1]]


class Transformer(nn.Module):
    """A ViT's layers on tokens of all kinds."""

    def __init__(self, config: ChatVLAConfig) -> None:
        super().__init__()
        text = config.text
        layer = SiglipVisionConfig(
            hidden_size=text.hidden_size, intermediate_size=text.intermediate_size, num_attention_heads=text.heads,
            layer_norm_eps=NORM_EPS, hidden_act="gelu_pytorch_tanh",
        )  # fmt: skip
        layer._attn_implementation = "sdpa"
        self.layers = nn.ModuleList(SiglipEncoderLayer(layer) for _ in range(text.layers))
        self.norm = nn.LayerNorm(text.hidden_size, NORM_EPS)
        for name, parameter in self.layers.named_parameters():  # as flax's blocks start
            if parameter.ndim == 2:
                nn.init.xavier_uniform_(parameter)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x)


class OctoBackbone(nn.Module):
    """See `policy.backbones.build.Backbone`; it has one route, and no words to say."""

    prefix_lm = True

    def __init__(self, config: ChatVLAConfig) -> None:
        super().__init__()
        self.cameras = config.cameras
        self.tokenizers = nn.ModuleDict({camera: ImageTokenizer(config, camera) for camera in config.cameras})
        self.words = WordReader(config)
        self.transformer = Transformer(config)
        self.lm_head = nn.Identity()  # nothing is asked of it: `ChatVLAConfig.speaks`

    def get_input_embeddings(self) -> nn.Module:
        """Words and the readout token."""
        return self.words

    def tie_weights(self) -> None:
        """Nothing to say words with."""

    def see(self, images: Tensor, cameras: Sequence[int] = ()) -> Tensor:
        """(N, h, w, 3) uint8 of one size, of the cameras of these indices, to (N x tokens, d)."""
        tokens: list[Tensor] = [images] * len(images)
        for index in sorted(set(cameras)):
            chosen = [i for i, c in enumerate(cameras) if c == index]
            for i, seen in zip(chosen, self.tokenizers[self.cameras[index]](images[chosen]), strict=True):
                tokens[i] = seen
        return torch.cat(tokens)

    def hidden_states(
        self,
        embeds: Tensor,
        position_ids: Tensor,
        mask: Tensor | None,
        route: Route,
        cache: Any = None,
        routings: list[Routing] | None = None,
    ) -> BaseModelOutputWithPast:
        """The transformer, after its last norm; `position_ids` are the tokens' blocks, and no block sees a later one."""
        assert mask is not None, "octo runs whole rows"
        seen = (position_ids[0][:, :, None] >= position_ids[0][:, None])[:, None]
        visible = mask & seen if mask.dtype == torch.bool else mask.masked_fill(~seen, MASKED)
        return BaseModelOutputWithPast(last_hidden_state=self.transformer(embeds, visible))


def build(config: ChatVLAConfig) -> OctoBackbone:
    """A randomly initialised network."""
    return OctoBackbone(config)


def pretrained(path: str | Path, config: ChatVLAConfig, dtype: torch.dtype = torch.float32) -> OctoBackbone:
    """A fresh transformer behind a T5 from a local folder, as Octo's training starts; raises as `pretrained_backbone`.

    Octo's own weights are in JAX's format and are not read.
    """
    loading.check_dimensions(path, t5_config(config).to_dict(), DIMENSIONS, config.name)
    backbone = build(config).to(dtype)
    kind: Any = T5EncoderModel
    encoder, info = kind.from_pretrained(str(path), config=t5_config(config), dtype=dtype, local_files_only=True, output_loading_info=True)
    loading.refuse(path, "T5", sorted(info["missing_keys"]), sorted(info["unexpected_keys"]))
    backbone.words.word_encoder = encoder.encoder.train(backbone.training)
    return backbone


def t5_config(config: ChatVLAConfig) -> T5Config:
    """T5's configuration in transformers' words."""
    words = config.word_encoder
    assert words is not None, "octo's words are read by T5"
    return T5Config(
        vocab_size=config.text.vocab_size,
        d_model=words.hidden_size,
        d_ff=words.intermediate_size,
        d_kv=words.head_width,
        num_layers=words.layers,
        num_heads=words.heads,
        dropout_rate=0.0,
        pad_token_id=config.text.pad_token_id,
    )

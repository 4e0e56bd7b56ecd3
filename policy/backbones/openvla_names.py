"""The tensors of an OpenVLA checkpoint under our names: its towers are timm's, with queries, keys and values in one matrix."""

from __future__ import annotations

import re
from collections.abc import Iterator

from torch import Tensor, cat

PARTS = ("q", "k", "v")
DINO, SIGLIP = "vision_backbone.featurizer.", "vision_backbone.fused_featurizer."
# timm's name in a block -> transformers'; what stands behind (weight, bias) stays.
DINO_BLOCK = {
    "norm1": "norm1", "norm2": "norm2", "attn.proj": "attention.o_proj", "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2",
    "ls1.scale_factor": "layer_scale1.lambda1", "ls2.scale_factor": "layer_scale2.lambda1",
}  # fmt: skip
SIGLIP_BLOCK = {
    "norm1": "layer_norm1", "norm2": "layer_norm2", "attn.proj": "self_attn.out_proj", "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2",
}  # fmt: skip
PROJECTOR = {"fc1": "0", "fc2": "2", "fc3": "4"}
_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)")


def ours(name: str, tensor: Tensor, last_dino: int, last_siglip: int) -> Iterator[tuple[str, Tensor]]:
    """What becomes of a tensor: one, three, or none of what is not read. `last_*`: the index of each tower's last block.

    A name that no OpenVLA checkpoint has comes back as it is.
    """
    if name.startswith(DINO):
        yield from _dino(name.removeprefix(DINO), tensor, last_dino)
    elif name.startswith(SIGLIP):
        yield from _siglip(name.removeprefix(SIGLIP), tensor, last_siglip)
    elif name.startswith("projector."):
        layer, _, kind = name.removeprefix("projector.").partition(".")
        yield f"model.multi_modal_projector.{PROJECTOR.get(layer, layer)}.{kind}", tensor
    elif name.startswith("language_model.model."):
        yield f"model.language_model.{name.removeprefix('language_model.model.')}", tensor
    else:
        yield name.removeprefix("language_model."), tensor


def _dino(name: str, tensor: Tensor, last: int) -> Iterator[tuple[str, Tensor]]:
    embeddings = "model.dino.embeddings."
    if name == "pos_embed":  # of patches alone: the class token's has been added to it
        yield embeddings + "position_embeddings", cat([tensor.new_zeros(1, 1, tensor.shape[-1]), tensor], 1)
    elif name in ("cls_token", "reg_token"):
        yield embeddings + {"cls_token": "cls_token", "reg_token": "register_tokens"}[name], tensor
    elif name.startswith("patch_embed.proj."):
        yield embeddings + name.replace("patch_embed.proj", "patch_embeddings.projection"), tensor
    elif not name.startswith("norm."):
        yield from _block(name, tensor, last, "model.dino.encoder.layer", "attention", DINO_BLOCK)


def _siglip(name: str, tensor: Tensor, last: int) -> Iterator[tuple[str, Tensor]]:
    embeddings = "model.vision_tower.embeddings."
    if name == "pos_embed":
        yield embeddings + "position_embedding.weight", tensor[0]
    elif name.startswith("patch_embed.proj."):
        yield embeddings + name.replace("patch_embed.proj", "patch_embedding"), tensor
    elif not name.startswith(("norm.", "attn_pool.")):
        yield from _block(name, tensor, last, "model.vision_tower.encoder.layers", "self_attn", SIGLIP_BLOCK)


def _block(name: str, tensor: Tensor, last: int, layers: str, attention: str, names: dict[str, str]) -> Iterator[tuple[str, Tensor]]:
    found = _BLOCK.fullmatch(name)
    if found is None:
        yield name, tensor
        return
    index, rest = int(found[1]), found[2]
    if index >= last:
        return
    if rest.startswith("attn.qkv."):
        kind = rest.removeprefix("attn.qkv.")
        for part, piece in zip(PARTS, tensor.chunk(3), strict=True):
            yield f"{layers}.{index}.{attention}.{part}_proj.{kind}", piece
        return
    theirs = next((n for n in names if rest == n or rest.startswith(f"{n}.")), None)
    yield f"{layers}.{index}.{names[theirs] + rest.removeprefix(theirs) if theirs else rest}", tensor

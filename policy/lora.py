"""Low-rank adapters on parts of a network, through PEFT, merged into the weights when a stage ends.

Ranks and targets are those of ChatVLA's scripts (research/policy.md 1.3): rank 64, alpha 4 x rank, dropout 0.05 on the
attention of the language model and on the vision tower; experts, merger, embeddings, fusion and head learn in full.
DiVLA and DexVLA put adapters on the experts too: `train.lora_parts=[language,vision,experts]`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

from peft import LoraConfig, LoraModel
from torch import nn

ALPHA = 4  # times the rank
DROPOUT = 0.05
TOWERS = r"vlm\.model\.(visual\.blocks|vision_tower\.encoder\.layers|dino\.encoder\.layer)\.\d+"
# Part -> its linear layers, by full name.
TARGETS: Mapping[str, str] = {
    "language": r"vlm\.model\.language_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|attention\.(query_key_value|dense))",
    "vision": TOWERS + r"\.(attn\.(qkv|proj)|self_attn\.\w+_proj|attention\.\w_proj|mlp\.fc[12])",
    "experts": r"vlm\.model\.language_model\.layers\.\d+\.mlp\.(.*_proj|dense_\w+)",
}
# Part -> what is frozen in it: its layers' own weights, norms and biases included.
OWN: Mapping[str, str] = {
    "language": r"language_model\.layers\.\d+\.(?!mlp\.)",
    "vision": TOWERS + r"\.",
    "experts": r"language_model\.layers\.\d+\.mlp\.",
}
PREFIX = "lora_"


def check_parts(parts: Sequence[str]) -> None:
    """Refuses an unknown part.

    Raises:
        ValueError: with the nearest name.
    """
    for part in parts:
        if part not in TARGETS:
            near = difflib.get_close_matches(part, TARGETS, 1, 0.3)
            raise ValueError(
                f"unknown part {part!r} for adapters; " + (f"did you mean {near[0]!r}?" if near else f"known: {', '.join(TARGETS)}")
            )


def add_lora(policy: nn.Module, rank: int, parts: Sequence[str]) -> LoraModel:
    """Puts adapters of `rank` on `parts` of the policy, in place; they start as nothing (B is zero).

    Raises:
        ValueError: an unknown part, or one that this network does not have.
    """
    check_parts(parts)
    names = [name for name, module in policy.named_modules() if isinstance(module, nn.Linear)]
    wanted = "|".join(f"({TARGETS[part]})" for part in parts)
    for part in parts:
        if not any(re.fullmatch(TARGETS[part], name) for name in names):
            raise ValueError(f"this network has no linear layers in part {part!r}; leave it out of train.lora_parts")
    config = LoraConfig(r=rank, lora_alpha=ALPHA * rank, lora_dropout=DROPOUT, target_modules=wanted)
    return LoraModel(policy, config, "default")


def freeze_under_lora(policy: nn.Module, parts: Sequence[str]) -> None:
    """Freezes what lies under the adapters of `parts`; what is frozen already stays so, adapters included."""
    own = re.compile("|".join(OWN[part] for part in parts))
    for name, parameter in policy.named_parameters():
        if own.search(name) and PREFIX not in name:
            parameter.requires_grad_(False)


def merge_lora(adapted: LoraModel) -> None:
    """Adds the adapters to the weights under them and takes them off: a plain network with the names it had."""
    adapted.merge_and_unload()

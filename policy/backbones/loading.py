"""What loading a pretrained backbone has in common: dimensions are compared, every weight is there, experts are made of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from policy.config import ExpertsConfig
from policy.feed_forward import make_experts


def check_dimensions(path: str | Path, ours: Mapping[str, Any], names: Sequence[str], preset: str) -> None:
    """Refuses a folder whose text model has other dimensions than `ours`.

    Raises:
        ValueError: no config.json there, or other dimensions; the message names them.
    """
    file = Path(path) / "config.json"
    if not file.is_file():
        raise ValueError(f"{path} holds no config.json; give the local folder of a pretrained checkpoint")
    stored = json.loads(file.read_text())
    stored = {**stored, **stored.get("text_config", {})}
    wrong = [f"{n} {stored[n]} (preset {preset}: {ours[n]})" for n in names if stored.get(n, ours[n]) != ours[n]]
    if wrong:
        raise ValueError(f"{path} has other dimensions: {', '.join(wrong)}; choose the preset of its size")


def load(kind: Any, path: str | Path, config: Any, experts: ExpertsConfig, dtype: Any, name: str) -> Any:
    """`kind.from_pretrained` of a local folder with a dense `config`, its feed-forward networks made into `experts`.

    Raises:
        ValueError: a weight is missing or unexpected.
    """
    backbone, info = kind.from_pretrained(str(path), config=config, dtype=dtype, local_files_only=True, output_loading_info=True)
    refuse(path, name, sorted(info["missing_keys"]), sorted(info["unexpected_keys"]))
    make_experts(backbone, experts)
    return backbone


def tensors(path: str | Path) -> Iterator[tuple[str, Tensor]]:
    """Names and tensors of a folder's safetensors, one after the other: of a large checkpoint never all at once.

    Raises:
        ValueError: there are none.
    """
    files = sorted(Path(path).glob("*.safetensors"))
    if not files:
        raise ValueError(f"{path} holds no *.safetensors; give the local folder of a pretrained checkpoint in that format")
    for file in files:
        with safe_open(file, "pt") as opened:
            for name in opened.keys():  # noqa: SIM118 (it is no dictionary)
                yield name, opened.get_tensor(name)


@torch.no_grad()
def fill(network: nn.Module, named: Iterable[tuple[str, Tensor]], path: str | Path, name: str) -> None:
    """Copies tensors into the parameters of their names; each must have one, and each parameter its tensor.

    Raises:
        ValueError: a weight is missing, unexpected or of another shape.
    """
    own, unexpected = dict(network.named_parameters()), []
    missing = set(own)
    for key, tensor in named:
        if key not in own:
            unexpected.append(key)
        elif own[key].shape != tensor.shape:
            raise ValueError(f"{path} has {key} {tuple(tensor.shape)}, this preset {tuple(own[key].shape)}; choose the preset of its size")
        else:
            own[key].copy_(tensor)
            missing.discard(key)
    refuse(path, name, sorted(missing), sorted(unexpected))


def refuse(path: str | Path, name: str, missing: list[str], unexpected: list[str]) -> None:
    """Raises ValueError unless both lists of weights are empty."""
    if missing or unexpected:
        raise ValueError(
            f"{path} does not fit {name}: missing {_some(missing)}, unexpected {_some(unexpected)}; "
            f"give the folder of a complete {name} checkpoint of this preset's size"
        )


def _some(keys: list[str]) -> str:
    return f"{len(keys)} ({', '.join(keys[:4])}{', ...' if len(keys) > 4 else ''})" if keys else "none"

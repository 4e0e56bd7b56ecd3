"""One folder holds all that running a policy takes: weights, configuration, statistics, tokenizer, contract and card.

Weights are safetensors shards under 16 MB with an index, as the Hugging Face hub lays them out (a single larger tensor
gets a shard of its own). The contract says which observations and actions the network was made for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from envs.types import ACTION_DIM, AGENT_POS_DIM, CAMERAS, CONTROL_HZ, HORIZON, IMAGE_SHAPE
from policy import fingerprint
from policy.chat_format import FORMATS
from policy.chatvla import ChatVLA
from policy.config import ChatVLAConfig
from policy.normalizer import NormStats
from policy.tokenizer import load_tokenizer, save_tokenizer

VERSION = 1  # of the folder's layout and of what the weights mean
SHARD_BYTES = 15_000_000
INDEX = "model.safetensors.index.json"
TIED = "vlm.lm_head.weight"  # the embedding's transpose, where words are read and spoken through one matrix; not stored twice


class ContractError(ValueError):
    """A checkpoint that was made for other observations, actions or code."""


def contract() -> dict[str, Any]:
    """What this code expects of a checkpoint."""
    return {
        "version": VERSION,
        "cameras": list(CAMERAS),
        "image_shape": list(IMAGE_SHAPE),
        "agent_pos_dim": AGENT_POS_DIM,
        "agent_pos": "joint_pos 7, ee_pos 3, ee_rot6d 6, gripper_closed 1",
        "action_dim": ACTION_DIM,
        "action": "ee_pos 3, rot6d 6, gripper_closed 1; absolute, base frame",
        "horizon": HORIZON,
        "control_hz": CONTROL_HZ,
    }


def contract_hash() -> str:
    """12 hex digits of this code's contract."""
    return hashlib.sha256(json.dumps(contract(), sort_keys=True).encode()).hexdigest()[:12]


def differences(other: Mapping[str, Any]) -> list[str]:
    """What another contract says differently from this code's, a sentence each."""
    expected = contract()
    return [
        f"{key} is {other.get(key)!r}, this code has {expected.get(key)!r}"
        for key in sorted({*expected, *other})
        if other.get(key) != expected.get(key)
    ]


def save(
    folder: str | Path,
    model: ChatVLA,
    tokenizer: PreTrainedTokenizerFast,
    card: Mapping[str, Any] | None = None,
    dtype: torch.dtype = torch.float32,
) -> Path:
    """Writes `model` to `folder`, its weights as `dtype`; `card` says how it was trained, in JSON's words.

    A hash of this package's code is put beside it.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("model-*.safetensors"), folder / INDEX]:
        old.unlink(missing_ok=True)
    _write_json(folder / "config.json", model.config.to_dict())
    _write_json(folder / "contract.json", contract())
    _write_json(folder / "card.json", {"options": asdict(model.config.options), "code": fingerprint.of_code(), **(card or {})})
    model.stats.save(folder / "norm_stats.json")
    save_tokenizer(tokenizer, folder)
    weights = model.state_dict()
    if model.config.text.tied:
        del weights[TIED]
    _write_shards(folder, weights, dtype)
    return folder


def load(folder: str | Path, dtype: torch.dtype = torch.float32) -> tuple[ChatVLA, PreTrainedTokenizerFast]:
    """The network that `save` wrote, in evaluation mode with parameters as `dtype`, and its tokenizer.

    Raises:
        FileNotFoundError: the folder or one of its files is missing.
        ContractError: it was made for other spaces or another version; the message names what differs.
        ValueError: its weights are not those of its configuration.
    """
    folder = Path(folder)
    check_contract(folder)
    config = read_config(folder)
    model = ChatVLA(config, NormStats.load(_existing(folder, "norm_stats.json")))
    missing, unexpected = model.load_state_dict(read_weights(folder), strict=False)
    missing = [k for k in missing if k != TIED or not config.text.tied]
    if missing or unexpected:
        raise ValueError(f"{folder} does not fit its config.json: missing {missing[:4]}, unexpected {unexpected[:4]}")
    model.vlm.tie_weights()
    return model.to(dtype).eval(), load_tokenizer(folder, FORMATS[config.backbone])


def check_contract(folder: str | Path) -> None:
    """Refuses a checkpoint whose contract is not this code's.

    Raises:
        FileNotFoundError: the folder has no contract.
        ContractError: naming each difference.
    """
    differs = differences(_read_json(Path(folder), "contract.json"))
    if differs:
        raise ContractError(
            f"checkpoint {folder} was made for another contract: {'; '.join(differs)}; "
            "train it again with this code, or run it with the code that made it"
        )


def read_weights(folder: str | Path) -> dict[str, Tensor]:
    """All tensors of the folder's shards, by name."""
    index = _read_json(Path(folder), INDEX)["weight_map"]
    weights: dict[str, Tensor] = {}
    for name in sorted(set(index.values())):
        weights.update(load_file(_existing(Path(folder), name)))
    return weights


def read_config(folder: str | Path) -> ChatVLAConfig:
    """The network that the folder holds."""
    return ChatVLAConfig.from_dict(_read_json(Path(folder), "config.json"))


def read_card(folder: str | Path) -> dict[str, Any]:
    """How the checkpoint was trained, with the SHA-256 of its weights."""
    shards = sorted(set(_read_json(Path(folder), INDEX)["weight_map"].values()))
    digest = hashlib.sha256(b"".join((Path(folder) / name).read_bytes() for name in shards)).hexdigest()
    return {**_read_json(Path(folder), "card.json"), "weights_sha256": digest}


def _write_shards(folder: Path, weights: Mapping[str, Tensor], dtype: torch.dtype) -> None:
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for key, value in weights.items():
        keep = value.dtype if not value.is_floating_point() or key.startswith("normalize_") else dtype
        stored = value.detach().to("cpu", keep).contiguous()
        size += stored.nbytes
        if shards[-1] and size > SHARD_BYTES:
            shards.append({})
            size = stored.nbytes
        shards[-1][key] = stored
    weight_map = {}
    for i, shard in enumerate(shards):
        name = f"model-{i + 1:05d}-of-{len(shards):05d}.safetensors"
        save_file(shard, folder / name, {"format": "pt"})
        weight_map.update(dict.fromkeys(shard, name))
    total = sum(v.nbytes for shard in shards for v in shard.values())
    _write_json(folder / INDEX, {"metadata": {"total_size": total}, "weight_map": weight_map})


def _existing(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise FileNotFoundError(f"no {name} in {folder}; give the folder of a checkpoint that policy.checkpoint.save wrote")
    return folder / name


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    return json.loads(_existing(folder, name).read_text())


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=1) + "\n")

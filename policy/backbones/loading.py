"""What loading a pretrained backbone has in common: dimensions are compared, every weight is there, experts are made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
    missing, unexpected = sorted(info["missing_keys"]), sorted(info["unexpected_keys"])
    if missing or unexpected:
        raise ValueError(
            f"{path} does not fit {name}: missing {_some(missing)}, unexpected {_some(unexpected)}; "
            f"give the folder of a complete {name} checkpoint of this preset's size"
        )
    make_experts(backbone, experts)
    return backbone


def _some(keys: list[str]) -> str:
    return f"{len(keys)} ({', '.join(keys[:4])}{', ...' if len(keys) > 4 else ''})" if keys else "none"

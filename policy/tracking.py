"""Weights & Biases, in one place: a run when it is switched on, nothing when it is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wandb.sdk.wandb_run import Run

PROJECT = "chatvla-workbench"
MODES = ("off", "offline", "online")


def start_run(mode: str, name: str, config: Mapping[str, Any], directory: Path) -> Run | None:
    """A wandb run that writes under `directory`, or None when `mode` is `off`; Lightning's WandbLogger takes it as `experiment`.

    Raises:
        ValueError: an unknown mode.
    """
    if mode not in MODES:
        raise ValueError(f"unknown wandb mode '{mode}'; expected one of {', '.join(MODES)}")
    if mode == "off":
        return None
    import wandb  # takes a second to import, and is off by default

    directory.mkdir(parents=True, exist_ok=True)
    run_id = "".join(c if c.isalnum() else "-" for c in str(directory))[-64:].strip("-")
    return wandb.init(project=PROJECT, name=name, id=run_id, resume="allow", config=dict(config), dir=str(directory), mode=mode)  # type: ignore[arg-type]

"""A network spread over many devices: which stages can be, how it is trained and how it becomes whole again.

FSDP2 through Lightning: each device holds a shard of every parameter, gradient and optimizer state, and each process
writes its own shard of a checkpoint, which any number of processes can resume from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch.strategies import ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from policy.layers import shard
from policy.lightning import StageModule
from policy.stages import Stage

SHARDED_MARK = "meta.pt"  # Lightning writes it last into the folder of a sharded checkpoint


class ShardedStageModule(StageModule):
    """A stage whose network is sharded before its optimizer is made."""

    def configure_model(self) -> None:
        """Shards over all processes."""
        assert self.device_mesh is not None
        low = str(self.trainer.precision).startswith("bf16")
        shard(self.policy, self.device_mesh["data_parallel"], low)


def obstacles(stage: Stage) -> list[str]:
    """Why this stage's network must be whole on every device; empty if it need not be."""
    found = []
    if stage.optimizer == "muon":
        found.append("Muon makes whole matrices orthogonal")
    if stage.ema:
        found.append("its weights are averaged, which is done on whole ones")
    if stage.features:
        found.append("it trains the head alone, on cached conditions")
    return found


def strategy_name(stage: Stage, wanted: str, processes: int) -> str:
    """`auto` (one process), `ddp` or `fsdp`: what `wanted` comes to for this stage.

    Raises:
        ValueError: an unknown strategy, or fsdp for a stage that cannot be sharded.
    """
    if wanted not in ("auto", "ddp", "fsdp"):
        raise ValueError(f"unknown strategy {wanted!r}; expected 'auto', 'ddp' or 'fsdp'")
    against = obstacles(stage)
    if wanted == "fsdp" and against:
        raise ValueError(f"stage {stage.name} cannot be sharded: {' and '.join(against)}; take train.strategy=ddp")
    if wanted == "fsdp" or (wanted == "auto" and processes > 1 and not against):
        return "fsdp"
    return "ddp" if processes > 1 else "auto"


def sharded_strategy(processes: int) -> ModelParallelStrategy:
    """Lightning's, with every process a data-parallel one."""
    return ModelParallelStrategy(data_parallel_size=processes, tensor_parallel_size=1, save_distributed_checkpoint=True)


def whole_weights(policy: nn.Module) -> dict[str, Tensor]:
    """All weights on the CPU of the first process; empty in the others. Every process must call it."""
    values: dict[str, Any] = get_model_state_dict(policy, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    return values


def newest(folder: Path) -> Path | None:
    """The newest whole checkpoint in a stage's resume folder: a file, or the folder of a sharded one."""
    marks = {path: path / SHARDED_MARK if path.is_dir() else path for path in folder.glob("*.ckpt")}
    whole = [path for path, mark in marks.items() if mark.is_file()]
    return max(whole, key=lambda path: marks[path].stat().st_mtime_ns, default=None)

"""Policies by name: the expert, the baselines and ChatVLA, each made in the process that runs it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envs.types import Policy
from experiments.errors import UsageError
from policy.baselines import Random, Replay, Zero
from policy.presets import PRESETS
from policy.running import Running

if TYPE_CHECKING:
    from envs.sim_env import SimEnv
    from policy.remote import RemotePolicy

ADAPTER_NAMES = ("ours", "droid_joint_velocity", "droid_joint_position")
ROOT = Path(__file__).resolve().parent.parent
CHECKPOINTS = {"chatvla_tiny": ROOT / "policy/checkpoints/chatvla_tiny"}  # those that are shipped
LEARNED = tuple(PRESETS)
POLICY_NAMES = (*LEARNED, "remote", "expert", "zero", "random", "replay")
BLIND = ("expert", "zero", "random", "replay")  # they look at no picture, so that none is rendered for them
USUAL = Running()
PER_ENV = ("expert", "replay")  # made for one task; the others serve all


def checkpoint_dir(name: str, checkpoint: str | None) -> Path | None:
    """Folder that holds the weights of a learned policy; None for the others.

    Raises:
        UsageError: there is no such folder, or `checkpoint` is given to a policy that has none.
    """
    if name not in LEARNED:
        if checkpoint is not None:
            raise UsageError(f"policy '{name}' has no checkpoint, yet checkpoint={checkpoint}; leave it out, or choose a learned policy such as policy=chatvla_tiny")
        return None
    if not checkpoint and name not in CHECKPOINTS:
        raise UsageError(f"no checkpoint of {name} is shipped; train one (stage=train train.preset={name}) and give checkpoint=PATH")
    folder = Path(checkpoint) if checkpoint else CHECKPOINTS[name]
    if not folder.is_dir():
        raise UsageError(f"no checkpoint at {folder}; train one (stage=train), give checkpoint=PATH, or try policy=expert")
    return folder


def checkpoint_hash(folder: Path | None) -> str | None:
    """16 hex digits over names and contents of a checkpoint's files; None without one."""
    if folder is None:
        return None
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def make_policy(name: str, env: SimEnv | Any, checkpoint: str | None = None, data: Path | None = None, running: Running = USUAL) -> Policy:
    """The policy of that name for `env`.

    Raises:
        UsageError: its checkpoint or its demonstrations are missing.
    """
    # Imported here, where needed: torch takes seconds, and the expert brings the simulator.
    if name == "expert":
        from envs.expert import Expert

        return Expert(env)
    if name == "replay":
        from experiments.demonstrations import load_demonstrations, trial_layout

        return Replay(load_demonstrations(env, data or Path("outputs/data") / env.task.name), lambda trial: trial_layout(env, trial))
    if name in LEARNED:
        from policy.inference import ChatVLAPolicy

        return ChatVLAPolicy.from_pretrained(str(checkpoint_dir(name, checkpoint)), running)
    return {"zero": Zero, "random": Random}[name]()


def make_remote(url: str, adapter: str, wait_s: float) -> RemotePolicy:
    """The policy behind a server; it connects with the first trial, and tries for `wait_s`."""
    from policy.remote import Ours, RemotePolicy

    if adapter == "ours":
        return RemotePolicy(url, Ours(), wait_s)
    from experiments.joint_actions import Droid

    return RemotePolicy(url, Droid("joint_velocity" if adapter == "droid_joint_velocity" else "joint_position"), wait_s)

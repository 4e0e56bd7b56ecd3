"""Which thing a network says is due, and how far off it is about where it lies and goes: held-out stills, by task (`train` writes it after each stage).

A grasp forgives about a centimetre, so the medians say which tasks lack data or training long before trials are run.

python -m policy.localisation checkpoint=policy/checkpoints/chatvla_tiny data=outputs/data
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from policy.arguments import parse, usage
from policy.inference import ChatVLAPolicy, decide_together
from policy.recorded import Data, Frames, folders
from policy.stills import Snapshots

MODULE = "policy.localisation"
BATCH = 16


@dataclass(frozen=True)
class Localisation:
    """Of one task's stills: in which share the reasoning names the thing that is due; medians and 90th percentiles of the distances,
    cm, of the thing to be moved and of where it goes."""

    n: int
    named: float
    object_cm: float
    object_cm_p90: float
    goal_cm: float
    goal_cm_p90: float


@dataclass(frozen=True)
class Options:
    """checkpoint: a network's folder. data: what `stage=collect` left of a task, or a folder of such. stills: of each task, at most."""

    checkpoint: str = "policy/checkpoints/chatvla_tiny"
    data: str = "outputs/data"
    stills: int = 25


def by_task(policy: ChatVLAPolicy, data: Data, stills: int) -> dict[str, Localisation]:
    """Name of a task's folder -> the errors on at most `stills` of its held-out stills; tasks with none are left out.

    The policy is told the task and says itself what it would do next: naming another thing than is due counts, by its distance.
    """
    found = {}
    for folder in folders(data):
        named, distances = _asked(policy, folder, stills)
        if len(distances):
            (thing, thing_p90), (goal, goal_p90) = 100 * np.percentile(distances, (50, 90), axis=0).T
            found[folder.name] = Localisation(len(distances), *(round(float(v), 2) for v in (named.mean(), thing, thing_p90, goal, goal_p90)))
    return found


def write(folder: Path, policy: ChatVLAPolicy, data: Data, stills: int) -> None:
    """Writes folder/positions.json."""
    table = by_task(policy, data, stills)
    (folder / "positions.json").write_text(json.dumps({k: asdict(v) for k, v in table.items()}, indent=1) + "\n")


def _asked(policy: ChatVLAPolicy, folder: Path, stills: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Of stills whose object and goal are both known, and what the policy would be told: (n,) whether the policy names the object, (n, 2) m how far it is off about each."""
    snapshots, instructions = Snapshots(folder, "test"), Frames(folder).instructions
    told_of = [snapshots.told(i) or (instructions[i % len(instructions)] if instructions else None) for i in range(len(snapshots))]
    known = [(i, target) for i, told in enumerate(told_of) if told and (target := snapshots.target_pos(i)) is not None]
    chosen = [known[i] for i in np.linspace(0, len(known) - 1, min(stills, len(known)), dtype=int)]
    names, off = [], []
    for start in range(0, len(chosen), BATCH):
        part = chosen[start : start + BATCH]
        seen = [snapshots.observation(i) for i, _ in part]
        told = [told_of[i] for i, _ in part]
        for decision, (i, target) in zip(decide_together([policy] * len(part), seen, told), part, strict=True):
            assert decision.positions is not None
            names.append(snapshots.due(i).labels[0] in re.findall(r"\w+", decision.inference.reasoning))
            off.append(decision.positions - target)
    return np.array(names, bool), np.linalg.norm(np.reshape(off, (-1, 2, 3)), axis=-1)


def main(argv: Sequence[str]) -> int:
    """Print the table; the exit code: 0, or 2 for a mistake of the caller."""
    if {"-h", "--help"} & set(argv):
        print(f"{usage(MODULE, Options)}\n\n{__doc__}")
        return 0
    try:
        options = parse(argv, MODULE, Options)
        policy = ChatVLAPolicy.from_pretrained(options.checkpoint)
        if policy.model.positions is None:
            raise ValueError(f"{options.checkpoint}: {policy.name} does not tell where things are (option object_positions)")
        root = Path(options.data)
        tasks = (root,) if (root / "snapshots").is_dir() else tuple(sorted(f.parent for f in root.glob("*/snapshots")))
        if not tasks:
            raise ValueError(f"no recorded data in {root}; run `stage=collect` first, or give data=")
        table = by_task(policy, tasks, options.stills)
    except (ValueError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    names = [f.name for f in fields(Localisation)]
    shown = Table("task", *names)
    for task, row in table.items():
        shown.add_row(task, *(f"{getattr(row, name):g}" for name in names))
    Console().print(shown)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Runs one point of a sweep in its folder: `python -m experiments.sweeping.point_run FOLDER`.

    outputs/sweeps/NAME/stages/<hash>/     a stage of training, once for all points that share it
    outputs/sweeps/NAME/<point's hash>/
      point.json     its overrides        state.json    waiting | running | done | failed | stopped, and what it cost
      results/       as of a single run   log.txt       what it printed
"""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from experiments import config as conf
from experiments.run import command
from experiments.stages import run_stage, training

POINT, STATE, RESULTS, COST, LOG = "point.json", "state.json", "results", "cost.json", "log.txt"
STAGES = "stages"
# Of `policy.train_config.TrainConfig`: what changes no weight, or is told by the stages and the network themselves.
UNTOLD = (
    "data", "out", "init", "pretrained", "preset", "stages", "steps_scale", "recipe", "text_ratio", "budget", "experts", "expert_count", "top_k", "reasoning",
    "workers", "threads", "accelerator", "strategy", "checkpoint_activations", "compile", "checkpoint_minutes", "progress", "wandb", "questions",
)  # fmt: skip


def run_point(folder: Path) -> None:
    """Runs what `folder/point.json` says, unless it is done; how it went is in `folder/state.json`, errors too.

    A point that another process runs is waited for.
    """
    with locked(folder):
        if read(folder / STATE).get("state") == "done":
            return
        began = time.time()
        write(folder / STATE, {"state": "running", "pid": os.getpid(), "began": began})
        try:
            costs = _run(conf.load(read(folder / POINT)["overrides"]), folder)
            write(folder / STATE, {"state": "done", "began": began, **costs})
        except KeyboardInterrupt:
            write(folder / STATE, {"state": "stopped", "began": began})
            raise
        except Exception as error:  # one point's failure is a row of the table, and not the end of the sweep
            traceback.print_exc()
            write(folder / STATE, {"state": "failed", "began": began, "error": f"{type(error).__name__}: {error}"})


def train_shared(config: conf.Config, root: Path) -> tuple[Path, dict[str, Any]]:
    """Trains what is left of the stages, each in a folder named by all that it depends on; the last checkpoint and what all cost.

    The cost of a stage that another point has trained counts as if this one had.
    """
    from policy import fingerprint
    from policy.train import train
    from policy.train_config import network

    wanted, stages = training(config)
    start = wanted.init or wanted.pretrained
    told = {k: v for k, v in dataclasses.asdict(wanted).items() if k not in UNTOLD}
    key = _hash([told, network(wanted).to_dict(), fingerprint.of_data(*wanted.tasks), conf.checkpoint_hash(Path(start)) if start else None])
    last, costs = None, dict[str, Any]({"train_minutes": 0.0, "train_cpu_minutes": 0.0})
    for stage in stages:
        key = _hash([key, dataclasses.asdict(stage)])
        folder = root / key
        begin = {"init": str(last), "pretrained": None} if last else {}
        with locked(folder), cost(folder / COST):
            last = train(dataclasses.replace(wanted, out=str(folder), stages=(stage.name,), **begin), (stage,))
        costs = {f"train_{name}": costs[f"train_{name}"] + spent for name, spent in read(folder / COST).items()}
    assert last is not None
    return last, costs | {"parameters": sizes(network(wanted), stages[-1])}


def sizes(config: Any, stage: Any) -> dict[str, int]:
    """Parameters of a network, of all, and of those that an answer and an action pass through."""
    from policy.costs import fake_network
    from policy.dry_run import active, parameters

    counts = parameters(fake_network(config, stage)[1])
    return {"parameters": sum(counts.values()), **{f"parameters_of_{k.split()[-1]}": v for k, v in active(counts, config.experts).items()}}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds `folder` for one process; another waits until it is done."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def cost(path: Path) -> Iterator[None]:
    """Adds the minutes that pass, and those of a processor, to what `path` says."""
    wall, cpu = time.monotonic(), time.process_time()
    try:
        yield
    finally:
        spent, before = {"minutes": (time.monotonic() - wall) / 60, "cpu_minutes": (time.process_time() - cpu) / 60}, read(path)
        if spent["cpu_minutes"] > 0.05 or not before:  # a finished stage is only looked up
            write(path, {name: before.get(name, 0.0) + value for name, value in spent.items()})


def read(path: Path) -> dict[str, Any]:
    """A JSON file's values; none where there is no file."""
    return json.loads(path.read_text()) if path.is_file() else {}


def write(path: Path, values: Mapping[str, Any]) -> None:
    """The values as JSON, whole or not at all."""
    half = path.with_name(f"{path.name}.{os.getpid()}")
    half.write_text(json.dumps(values, indent=1) + "\n")
    half.replace(path)


def _run(config: conf.Config, folder: Path) -> dict[str, Any]:
    costs: dict[str, Any] = {}
    if config.stage in ("all", "train"):
        checkpoint, costs = train_shared(config, folder.parent / STAGES)
        costs["checkpoint"] = str(checkpoint)
        stage = "evaluate" if config.stage == "all" else "train"
        config = dataclasses.replace(config, stage=stage, policy=config.train.preset, checkpoint=str(checkpoint), train=conf.TrainOptions())
    if config.stage != "train":
        with cost(folder / COST):
            run_stage(dataclasses.replace(config, out=str(folder / RESULTS)), command(read(folder / POINT)["overrides"]))
        costs |= read(folder / COST)
    total = {name: costs.get(name, 0.0) + costs.get(f"train_{name}", 0.0) for name in ("minutes", "cpu_minutes")}
    return costs | total


def _hash(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


if __name__ == "__main__":
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)  # a sweep in the background would hand down that it is ignored
    if not (len(sys.argv) == 2 and (Path(sys.argv[1]) / POINT).is_file()):
        sys.exit(f"expected the folder of a point, with its {POINT}: python -m experiments.sweeping.point_run FOLDER")
    run_point(Path(sys.argv[1]))

"""Random chunks of actions, among them NaN, jumps and nonsense, and what of them the arm got to see: `python -m sim2real.wild`.

It is counted at the twin's end of the wire: its controller checks the command of every millisecond as the robot's does, stops with a
reflex at the first that breaks a limit of torque, torque rate, joint position or velocity, and the twin knows where the hand has been.
Chunks come in batches, each with its own random numbers and a row in OUT/wild.jsonl as soon as it is over; the same command goes on
after an interruption, and more workers (each with a twin of its own) execute the same chunks.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from envs.types import ACTION_DIM, CONTROL_HZ, Trial
from experiments.provenance import commit
from policy.baselines import hold_action
from sim2real.arm import Collision
from sim2real.franka_env import FrankaEnv
from sim2real.measuring import append, measured, rows
from sim2real.safety import IN_THE_BOX
from sim2real.scripted import ScriptedOperator
from sim2real.twin_rig import TwinRig, make_twin_rig

TASK, TRIALS = "sort_toys", 20
LAG = 0.02  # m by which the hand, which is not stiff, may be outside of the box that its targets stay in
EVERY_MS = 8  # of the hand's path that is looked at
SCALES = (0.01, 0.1, 1.0, 100.0)  # of what is added to an action that holds still
NOT_NUMBERS = (np.nan, np.inf, -np.inf)
COLLISIONS = ("cartesian_reflex", "joint_reflex")  # the arm ran into something, within its limits
BATCH = 250  # chunks
ROWS = "wild.jsonl"


def wild_chunk(rng: np.random.Generator, hold: NDArray[np.floating]) -> NDArray[np.floating]:
    """(1 to 3, 10): near the arm, anywhere, far outside, or (one in ten) not numbers."""
    n = int(rng.integers(1, 4))
    chunk = np.tile(hold, (n, 1)) + rng.normal(0, 1, (n, ACTION_DIM)) * rng.choice(SCALES)
    if rng.random() < 0.1:
        chunk[rng.integers(n), rng.integers(ACTION_DIM)] = rng.choice(NOT_NUMBERS)
    return chunk


def wild(env: FrankaEnv, chunks: int, rng: np.random.Generator) -> Counter[str]:
    """Execute so many; the counts; see `breaches`."""
    assert isinstance(env.rig, TwinRig)
    twin, guard, found = env.rig.twin, env.executor.guard, Counter[str]()
    low, high = np.array(env.limits.workspace_low) - LAG - IN_THE_BOX, np.array(env.limits.workspace_high) + LAG + IN_THE_BOX
    commands = twin.state().commands
    while found["chunks"] < chunks:
        observation, _ = env.reset(options={"trial": Trial(TASK, int(rng.integers(TRIALS)))})
        found["trials"] += 1
        while not (env.terminated or env.truncated) and found["chunks"] < chunks:
            found["chunks"] += 1
            for action in wild_chunk(rng, hold_action(observation)):
                found["actions"] += 1
                try:
                    observation, *_ = env.step(action)
                except ValueError:
                    found["refused"] += 1
                    continue
                command = env.executor.command
                found["changed"] += bool(env.executor.why)
                found["commands out of the joints' margins"] += bool(np.any(command < guard.low - 1e-9) or np.any(command > guard.high + 1e-9))
                path = [guard.ik.pose(joint_pos)[0] for joint_pos in twin.joint_path(1000 // CONTROL_HZ, EVERY_MS)]
                found["control steps with the hand out of the box"] += bool(np.any(path < low) or np.any(path > high))
                if env.ended is not None:
                    if env.ended.outcome == "invalid":  # the machine was too busy for a driver: no measurement
                        raise env.ended
                    found["collisions" if any(name in str(env.ended) for name in COLLISIONS) else f"stops: {env.ended}"] += 1
                    break
    env.stop()
    found["torque commands at the wire"] = twin.state().commands - commands
    return found


def breaches(found: Counter[str]) -> int:
    """How often anything was not within its limits; a collision is none."""
    return sum(n for what, n in found.items() if "out of" in what or what.startswith("stops"))


def open_env() -> FrankaEnv:
    """A sort_toys environment on a gated twin, which looks at pictures only at the start of a trial."""
    rig = make_twin_rig(TASK, "gated", Collision())
    env = FrankaEnv(rig, TASK, ScriptedOperator(rig.twin))
    env.cameras = False
    return env


def sizes(chunks: int) -> list[int]:
    """Chunks of each batch."""
    return [min(BATCH, chunks - begin) for begin in range(0, chunks, BATCH)]


def done(out: Path, seed: int, chunks: int) -> dict[int, Counter[str]]:
    """Batch -> what was counted, of those of these random numbers that are over."""
    size = dict(enumerate(sizes(chunks)))
    return {row["batch"]: Counter(row["found"]) for row in rows(out / ROWS) if row["seed"] == seed and row["found"]["chunks"] == size.get(row["batch"])}


def work(out: Path, seed: int, batches: Iterable[tuple[int, int]]) -> None:
    """Execute batches (number, chunks) on a twin of one's own, and write each one's row."""
    env, of = open_env(), commit()
    try:
        for batch, chunks in batches:
            began = time.monotonic()
            found = measured(lambda batch=batch, chunks=chunks: wild(env, chunks, np.random.default_rng((seed, batch))))
            append(out / ROWS, {"seed": seed, "batch": batch, "found": found, "seconds": round(time.monotonic() - began, 1), "commit": of})
    finally:
        env.close()


def main(argv: Sequence[str]) -> int:
    """Print the counts; the exit code: 0 if all was executed and none was a breach."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("outputs/wild"))
    args, console = parser.parse_args(argv), Console(soft_wrap=True)
    args.out.mkdir(parents=True, exist_ok=True)
    open_batches = [item for item in enumerate(sizes(args.chunks)) if item[0] not in done(args.out, args.seed, args.chunks)]
    context = multiprocessing.get_context("spawn")
    shares = [share for k in range(args.workers) if (share := open_batches[k :: args.workers])]
    workers = [context.Process(target=work, args=(args.out, args.seed, share)) for share in shares]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found = Counter[str]()
    for batch in done(args.out, args.seed, args.chunks).values():
        found.update(batch)  # which keeps what was counted and never found
    for what, n in found.items():
        console.print(f"{n:10d}  {what}", highlight=False)
    console.print(f"{breaches(found):10d}  breaches", highlight=False)
    if found["chunks"] < args.chunks:
        console.print(f"{args.chunks - found['chunks']} chunks were not executed; the same command goes on with them", highlight=False)
    return int(breaches(found) > 0 or found["chunks"] < args.chunks)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

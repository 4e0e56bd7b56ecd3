"""Whether a trial on the gated twin is the same to the bit each time, through the environment and the robot's own drivers.

    python -m sim2real.benchmarks.twin_repeats [--repeats 20] [--trial 0] [--steps N] [--arm fr3] [--out outputs/twin_repeats]

The expert plays a test trial of sort_toys in simulation; its actions are sent to the twin again and again, whose full state is hashed
after every control step. A repeat is a row of OUT/repeats.jsonl as soon as it is over; the same command goes on after an interruption.
A repeat in which a device fails is no measurement and is played again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.sim_env import SimEnv
from envs.types import Trial
from experiments.policies import make_policy
from experiments.provenance import commit
from sim2real.arm import Collision
from sim2real.franka_env import FrankaEnv
from sim2real.measuring import append, measured, rows
from sim2real.scripted import ScriptedOperator
from sim2real.twin.robots import ROBOTS
from sim2real.twin_rig import make_twin_rig

TASK, ROWS = "sort_toys", "repeats.jsonl"


def expert_actions(trial: Trial, steps: int | None = None) -> list[NDArray[np.floating]]:
    """The expert's actions (10,) in a simulated trial: all, or the first `steps`."""
    sim = SimEnv(trial.env, cameras=False, motion="smooth")
    try:
        sim.reset(options={"trial": trial})
        policy = make_policy("expert", sim)
        policy.reset(trial)
        found: list[NDArray[np.floating]] = []
        while not (sim.terminated or sim.truncated or (steps is not None and len(found) >= steps)):
            for action in policy.infer(sim.observe(), sim.instruction).action_chunk[: policy.execute]:
                found.append(action)
                sim.step(action)
        return found[:steps]
    finally:
        sim.close()


def repeat(env: FrankaEnv, trial: Trial, actions: Sequence[NDArray[np.floating]]) -> dict[str, Any]:
    """The trial once more: hashes of the twin's full state, and joint_pos (7,) rad, at its start and after each control step.

    Raises:
        RobotError: a device failed; that is no measurement.
    """
    hashes: list[str | None] = []
    joint_pos: list[list[float]] = []

    def note(env: FrankaEnv) -> None:
        hashes.append(env.state_hash())
        joint_pos.append(env.agent_pos()[:7].tolist())

    env.cameras = False
    env.reset(options={"trial": trial})
    note(env)
    for action in actions:
        if not (env.terminated or env.truncated):
            env.step_chunk(np.asarray(action)[None], note)  # which lets the arm come to rest after the last one, in nobody's time
        if env.ended is not None and env.ended.outcome == "invalid":
            raise env.ended
    env.stop()
    return {"hashes": hashes, "joint_pos": joint_pos}


def told(found: Sequence[dict[str, Any]]) -> list[str]:
    """A line for each repeat that is not as the first, and one for all."""
    lines, first = [], found[0]
    for k, row in enumerate(found[1:], 1):
        if row["hashes"] != first["hashes"]:
            at = next(i for i, (a, b) in enumerate(zip_longest(row["hashes"], first["hashes"])) if a != b)
            apart = max(float(np.abs(np.subtract(a, b)).max()) for a, b in zip(row["joint_pos"], first["joint_pos"], strict=False))
            lines.append(f"repeat {k} is another one from control step {at} on; joints at most {apart:.1e} rad apart in all of the trial")
    same = len(found) - len(lines)
    return [*lines, f"{same} of {len(found)} repeats of {len(first['hashes']) - 1} control steps are the same to the bit: {'held' if not lines else 'NOT held'}"]


def play(out: Path, repeats: int, trial: Trial, arm: str, setting: dict[str, Any]) -> None:
    """Play so many repeats and write each one's row."""
    actions, of = expert_actions(trial, setting["steps"]), commit()
    rig = make_twin_rig(TASK, "gated", Collision(), arm)
    env = FrankaEnv(rig, TASK, ScriptedOperator(rig.twin))
    try:
        for left in reversed(range(repeats)):
            began = time.monotonic()
            row = measured(lambda: repeat(env, trial, actions))
            append(out / ROWS, setting | row | {"seconds": round(time.monotonic() - began, 1), "commit": of})
            print(f"{len(actions)} control steps in {time.monotonic() - began:.0f} s, they end with {row['hashes'][-1]}; {left} to go", flush=True)
    finally:
        env.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Play what is missing and print what is the same; the exit code: 0 if all is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--trial", type=int, default=0)
    parser.add_argument("--steps", type=int, help="control steps of the trial (default: all that the expert needs)")
    parser.add_argument("--arm", choices=ROBOTS, default="fr3")
    parser.add_argument("--out", type=Path, default=Path("outputs/twin_repeats"))
    args = parser.parse_args(argv)
    if args.repeats < 2:
        parser.error(f"--repeats={args.repeats}: it takes two to compare")
    if args.steps is not None and args.steps < 1:
        parser.error(f"--steps={args.steps}: at least one")
    args.out.mkdir(parents=True, exist_ok=True)
    setting = {"trial": args.trial, "steps": args.steps, "arm": args.arm}

    def played() -> list[dict[str, Any]]:
        return [row for row in rows(args.out / ROWS) if setting.items() <= row.items()][: args.repeats]

    if missing := args.repeats - len(played()):
        play(args.out, missing, Trial(TASK, args.trial), args.arm, setting)
    lines = told(played())
    print(*lines, sep="\n")
    return int(len(lines) > 1)


if __name__ == "__main__":
    sys.exit(main())

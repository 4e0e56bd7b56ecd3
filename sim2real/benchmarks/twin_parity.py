"""How far the twin's arm is from the simulation's, given the very actions of simulated trials, and whether both worlds end alike.

    python -m sim2real.benchmarks.twin_parity [--trials 20] [--policies expert chatvla_tiny] [--arm fr3] [--motion smooth] [--out outputs/twin_parity]

A policy plays test trials of sort_toys in simulation; each of its actions goes to the gated twin, too, through guard and driver. The
hands are compared at the end of every control step, and so is the end: the steps of the task that are done, and whether the arm
stopped itself, as a real one does that is pushed with more than it may be. Where only one of the two did, the comparison ends
with the step before. A trial is a row of OUT/parity.jsonl as soon as it is over; the same command goes on after an interruption,
and ends with the table of all rows.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.geometry import rotation_vector
from envs.names import MOTIONS
from envs.sim_env import SimEnv
from envs.types import Policy, Trial
from experiments.policies import BLIND, make_policy
from experiments.provenance import commit
from sim2real.arm import Collision
from sim2real.franka_env import FrankaEnv
from sim2real.measuring import append, measured, rows
from sim2real.scripted import ScriptedOperator
from sim2real.twin.robots import ROBOTS
from sim2real.twin_rig import make_twin_rig

TASK, ROWS = "sort_toys", "parity.jsonl"
POLICIES = ("expert", "chatvla_tiny")
BAR_MM, BAR_DEGREES = 1.0, 0.5  # what counts as the same motion
TELLING = 15  # control steps within which the driver tells that the arm has stopped itself; on a busy machine it takes several


def apart(env: FrankaEnv, simulated: NDArray[np.floating], on_twin: NDArray[np.floating]) -> tuple[float, float]:
    """mm and degrees between the hands at two joint positions (7,) rad."""
    (pos, mat), (pos_twin, mat_twin) = (env.executor.guard.ik.pose(np.asarray(q, float)) for q in (simulated, on_twin))
    return 1000 * float(np.linalg.norm(pos - pos_twin)), float(np.degrees(np.linalg.norm(rotation_vector(mat_twin @ mat.T))))


def compare(sim: SimEnv, env: FrankaEnv, policy: Policy, trial: Trial, looks: bool, steps: int | None = None) -> dict[str, Any]:
    """A trial in both worlds: mm and degrees between the hands at the end of each control step, and the task's steps done in each.

    `looks`: the policy sees pictures, those of the simulation. `steps`: control steps at most (default: all of the trial).

    Raises:
        RobotError: a device failed, as drivers do that a busy machine starves; that is no measurement.
    """
    found, actions, info = [], [], {}
    sim.cameras = env.cameras = False
    sim.reset(options={"trial": trial})
    policy.reset(trial)
    env.reset(options={"trial": trial})
    while not (sim.terminated or sim.truncated) and (steps is None or len(found) < steps):
        if not actions:
            sim.cameras = looks
            actions = list(policy.infer(sim.observe(), sim.instruction).action_chunk[: policy.execute])
            sim.cameras = False
        action = actions.pop(0)
        observation, *_, info = sim.step(action)
        if env.ended is None and not env.terminated:
            env.step(action)
            if sim.reflex:
                for _ in range(TELLING):
                    if env.ended is None:
                        env.step(action)
            elif env.ended is not None:  # the last one may have been cut short already
                del found[-1:]
            else:
                found.append(apart(env, observation["agent_pos"][:7], env.executor.rows[-1].joint_pos))
    env.stop()
    if env.ended is not None and env.ended.outcome == "invalid":
        raise env.ended
    mm, degrees = np.round(np.array(found).T, 4).tolist()
    done = {
        "simulated_done": sim.steps_done, "twin_done": env.steps_done,
        "simulated_ended": info.get("error", ""), "twin_ended": str(env.ended) if env.ended else "",
    }  # fmt: skip
    return {"trial": trial.index, "mm": mm, "degrees": degrees, **done}


def alike(row: dict[str, Any]) -> bool:
    """Whether a trial ended in both worlds with the same steps done, and by itself or by a reflex in both."""
    return row["simulated_done"] == row["twin_done"] and bool(row["simulated_ended"]) == bool(row["twin_ended"])


def played(out: Path, setting: dict[str, str], policies: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of these policies' trials in this setting."""
    return [row for row in rows(out / ROWS) if setting.items() <= row.items() and row["policy"] in policies]


def table(found: Sequence[dict[str, Any]]) -> str:
    """A line for each policy, the worst of all control steps against the bar."""
    lines = [f"{'policy':<14} trials  control steps   ended alike   stopped itself: simulated  on the twin   mm: median   95 %  worst   degrees: median   95 %  worst   bar {BAR_MM:g} mm, {BAR_DEGREES:g} degrees"]
    for name in dict.fromkeys(row["policy"] for row in found):
        mine = [row for row in found if row["policy"] == name]
        mm, degrees = (np.concatenate([row[what] for row in mine]) for what in ("mm", "degrees"))
        same = sum(map(alike, mine))
        stopped = [sum(bool(row[f"{world}_ended"]) for row in mine) for world in ("simulated", "twin")]
        held = "held" if mm.max() < BAR_MM and degrees.max() < BAR_DEGREES and same == len(mine) else "NOT held"
        numbers = [f"{f(v):7.2f}" for v in (mm, degrees) for f in (np.median, lambda v: np.percentile(v, 95), np.max)]
        lines.append(f"{name:<14} {len(mine):6d} {len(mm):14d} {same:8d}/{len(mine):<4d} {stopped[0]:25d} {stopped[1]:12d} {'':4}{' '.join(numbers[:3])} {'':10}{' '.join(numbers[3:])}   {held}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Play what is missing and print the table; the exit code: 0 if the bar is held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--policies", nargs="+", default=list(POLICIES))
    parser.add_argument("--arm", choices=ROBOTS, default="fr3")
    parser.add_argument("--motion", choices=MOTIONS, default="smooth")
    parser.add_argument("--out", type=Path, default=Path("outputs/twin_parity"))
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    setting = {"arm": args.arm, "motion": args.motion}
    over = {(row["policy"], row["trial"]) for row in played(args.out, setting, args.policies)}
    missing = [(name, k) for k in range(args.trials) for name in args.policies if (name, k) not in over]
    if missing:
        play(args.out, missing, setting)
    told = table(played(args.out, setting, args.policies))
    print(told)
    return int("NOT held" in told)


def play(out: Path, trials: Sequence[tuple[str, int]], setting: dict[str, str]) -> None:
    """Play these trials (policy, number) and write each one's row."""
    rig = make_twin_rig(TASK, "gated", Collision(), setting["arm"], setting["motion"])
    env, sim = FrankaEnv(rig, TASK, ScriptedOperator(rig.twin), motion=setting["motion"]), SimEnv(TASK, cameras=False, motion=setting["motion"])
    of, policies = commit(), {name: make_policy(name, sim) for name in dict.fromkeys(name for name, _ in trials)}
    try:
        for name, index in trials:
            began = time.monotonic()
            found = measured(partial(compare, sim, env, policies[name], Trial(TASK, index), name not in BLIND))
            row = {"policy": name, **setting, **found}
            append(out / ROWS, row | {"seconds": round(time.monotonic() - began, 1), "commit": of})
            print(f"{name}, trial {index}: {len(row['mm'])} control steps, at most {max(row['mm']):.2f} mm apart, {row['simulated_done']} and {row['twin_done']} steps done", flush=True)
    finally:
        env.close()
        sim.close()


if __name__ == "__main__":
    sys.exit(main())

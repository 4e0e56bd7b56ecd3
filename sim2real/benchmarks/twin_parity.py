"""How far the twin's arm is from the simulation's, given the very actions of a simulated trial.

    python -m sim2real.benchmarks.twin_parity [--arm fr3] [--motion smooth] [--trials 2] [--steps 400]

The expert plays trials of sort_toys in simulation; each of its actions goes to the gated twin, too, through guard and driver. The
hands are compared at the end of every control step.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from envs.expert import Expert
from envs.geometry import rotation_vector
from envs.names import MOTIONS
from envs.sim_env import SimEnv
from envs.types import Trial
from sim2real.arm import Collision
from sim2real.franka_env import FrankaEnv
from sim2real.scripted import ScriptedOperator
from sim2real.twin.robots import ROBOTS
from sim2real.twin_rig import make_twin_rig

TASK = "sort_toys"


def apart(env: FrankaEnv, simulated: NDArray[np.floating], on_twin: NDArray[np.floating]) -> tuple[float, float]:
    """mm and degrees between the hands at two joint positions (7,) rad."""
    (pos, mat), (pos_twin, mat_twin) = (env.executor.guard.ik.pose(np.asarray(q, float)) for q in (simulated, on_twin))
    return 1000 * float(np.linalg.norm(pos - pos_twin)), float(np.degrees(np.linalg.norm(rotation_vector(mat_twin @ mat.T))))


def compare(sim: SimEnv, env: FrankaEnv, trial: Trial, steps: int) -> tuple[NDArray[np.float64], bool]:
    """(n, 2) mm and degrees at the end of each control step, and whether both worlds did the same of the task."""
    expert, found = Expert(sim), []
    observation, _ = sim.reset(options={"trial": trial})
    expert.reset(trial)
    env.reset(options={"trial": trial})
    while not (sim.terminated or sim.truncated or env.truncated) and len(found) < steps:
        action = expert.infer(observation, sim.instruction).action_chunk[0]
        observation, *_ = sim.step(action)
        env.step(action)
        found.append(apart(env, observation["agent_pos"][:7], env.executor.rows[-1].joint_pos))
    env.stop()
    return np.array(found), sim.steps_done == env.steps_done


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table's row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arm", choices=ROBOTS, default="fr3")
    parser.add_argument("--motion", choices=MOTIONS, default="smooth")
    parser.add_argument("--trials", type=int, default=2)
    parser.add_argument("--steps", type=int, default=400, help="control steps of a trial at most")
    args = parser.parse_args(argv)
    rig = make_twin_rig(TASK, "gated", Collision(), args.arm, args.motion)
    env, sim = FrankaEnv(rig, TASK, ScriptedOperator(rig.twin), motion=args.motion), SimEnv(TASK, cameras=False, motion=args.motion)
    env.cameras = False
    try:
        played = [compare(sim, env, Trial(TASK, k), args.steps) for k in range(args.trials)]
    finally:
        env.close()
    mm, degrees = np.concatenate([found for found, _ in played]).T
    same = sum(same for _, same in played)
    print(f"{args.arm}, motion={args.motion}, {len(mm)} control steps of {args.trials} trials; the same steps of the task done: {same} of {args.trials}")
    for name, values in (("mm", mm), ("degrees", degrees)):
        print(f"  {name}: median {np.median(values):.2f}, 95 % {np.percentile(values, 95):.2f}, worst {values.max():.2f}")


if __name__ == "__main__":
    main()

"""The controls of every rate: the scripted expert completes the task, doing nothing completes no step.

python -m experiments.benchmarks.expert --layouts 200 --idle 50
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rich.console import Console
from rich.progress import track
from rich.table import Table

from envs.expert import Expert
from envs.names import TASK_NAMES
from envs.sim_env import ResetError, SimEnv
from envs.types import Split, Trial
from experiments.benchmarks.timing import ONE_CORE, save
from policy.baselines import Zero

Control = Literal["expert", "zero"]


@dataclass(frozen=True)
class Outcome:
    """One trial of a control. `error`: why there was no trial (a reset that did not settle), outside the rate."""

    control: str
    trial: int
    steps_done: int = 0
    steps: int = 0
    seconds: float = 0.0  # control time
    wall_s: float = 0.0
    error: str = ""


def run_trial(control: Control, trial: Trial) -> Outcome:
    """Run one control on one trial, without cameras."""
    start = time.perf_counter()
    env = SimEnv(trial.env, cameras=False)
    try:
        observation, info = env.reset(options={"trial": trial})
    except ResetError as error:
        return Outcome(control, trial.index, error=str(error))
    policy = Expert(env) if control == "expert" else Zero()
    policy.reset(trial)
    ended = False
    while not ended:
        chunk = policy.infer(observation, env.instruction).action_chunk[: policy.execute]
        observation, _, terminated, truncated, info = env.step_chunk(chunk)
        ended = terminated or truncated
    seconds = env.control_steps / env.metadata["render_fps"]
    return Outcome(control, trial.index, info["steps_done"], info["steps"], seconds, time.perf_counter() - start)


def _run(job: tuple[Control, Trial]) -> Outcome:
    return run_trial(*job)


def measure(task: str, split: Split, layouts: int, idle: int, workers: int) -> list[Outcome]:
    """Outcomes of both controls, in order."""
    jobs: list[tuple[Control, Trial]] = [("expert", Trial(task, i, split=split)) for i in range(layouts)]
    idling: list[tuple[Control, Trial]] = [("zero", Trial(task, i, split=split)) for i in range(idle)]
    jobs += idling
    os.environ.update(ONE_CORE)  # spawned workers read it
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return list(track(pool.imap(_run, jobs), "expert, then nothing", total=len(jobs), console=Console(stderr=True)))


def totals(outcomes: list[Outcome], control: Control) -> dict[str, Any]:
    """Successes, steps and errors of one control."""
    mine = [outcome for outcome in outcomes if outcome.control == control]
    counted = [outcome for outcome in mine if not outcome.error]
    return {
        "control": control,
        "trials": len(counted),
        "successes": sum(o.steps_done == o.steps for o in counted),
        "steps_done": sum(o.steps_done for o in counted),
        "steps": sum(o.steps for o in counted),
        "failed_trials": [o.trial for o in counted if o.steps_done < o.steps] if control == "expert" else [],
        "errors": {o.trial: o.error for o in mine if o.error},
        "mean_seconds": sum(o.seconds for o in counted) / max(len(counted), 1),
    }


def show(results: list[dict[str, Any]], task: str, split: str) -> Table:
    """The totals as a table."""
    table = Table(title=f"{task}, {split} layouts")
    for column in ("control", "successes", "steps done", "mean episode, s", "failed trials", "errors"):
        table.add_column(column)
    for r in results:
        successes, steps = f"{r['successes']}/{r['trials']}", f"{r['steps_done']}/{r['steps']}"
        failed = ", ".join(map(str, r["failed_trials"])) or "-"
        table.add_row(r["control"], successes, steps, f"{r['mean_seconds']:.1f}", failed, str(len(r["errors"])))
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=TASK_NAMES, default="sort_toys")
    parser.add_argument("--split", choices=("train", "test"), default="test")
    parser.add_argument("--layouts", type=int, default=200, help="trials of the expert (default 200)")
    parser.add_argument("--idle", type=int, default=50, help="trials of doing nothing (default 50)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes (default: one per core)")
    parser.add_argument("--out", default="outputs/benchmarks", help="folder of expert.json")
    args = parser.parse_args()
    outcomes = measure(args.task, args.split, args.layouts, args.idle, args.workers)
    results = [totals(outcomes, "expert"), totals(outcomes, "zero")]
    Console().print(show(results, args.task, args.split))
    for trial, error in results[0]["errors"].items():
        print(f"trial {trial}: {error}")
    result = {"task": args.task, "split": args.split, "totals": results, "outcomes": [asdict(o) for o in outcomes]}
    print(f"written to {save('expert', result, args.out)}")


if __name__ == "__main__":
    main()

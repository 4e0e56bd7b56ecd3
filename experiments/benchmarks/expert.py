"""The controls of every rate: the scripted expert completes the task, doing nothing and random motion complete no step.

    python -m experiments.benchmarks.expert --env all --layouts 100 --idle 50 --resets 200

`--env`: a task, a group of the protocol (direct, planner, multitask, chatvla) or all. Cameras are off. A reset that does
not settle into what its task takes for granted is an error, counted by itself, never a failed trial.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rich.console import Console
from rich.progress import track
from rich.table import Table

from envs.expert import Expert
from envs.layout import LayoutError
from envs.names import GROUPS, TASK_NAMES, checked_name
from envs.sim_env import ResetError, SimEnv
from envs.types import Policy, Split, Trial
from experiments.benchmarks.timing import ONE_CORE, save
from policy.baselines import Random, Zero

Control = Literal["expert", "zero", "random", "reset"]
CONTROLS: tuple[Control, ...] = ("expert", "zero", "random", "reset")


@dataclass(frozen=True)
class Outcome:
    """One trial of a control ("reset": none acts). `error`: why there was no trial, outside the rate."""

    env: str
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
    except (ResetError, LayoutError) as error:
        return Outcome(trial.env, control, trial.index, error=str(error))
    policy = _policy(control, env)
    ended = policy is None
    while policy is not None and not ended:
        chunk = policy.infer(observation, env.instruction).action_chunk[: policy.execute]
        observation, _, terminated, truncated, info = env.step_chunk(chunk)
        ended = terminated or truncated
    seconds = env.control_steps / env.metadata["render_fps"]
    return Outcome(trial.env, control, trial.index, info["steps_done"], info["steps"], seconds, time.perf_counter() - start)


def _policy(control: Control, env: SimEnv) -> Policy | None:
    if control == "reset":
        return None
    policy = Expert(env) if control == "expert" else Zero() if control == "zero" else Random()
    policy.reset(env.trial)
    return policy


def _run(job: tuple[Control, Trial]) -> Outcome:
    return run_trial(*job)


def measure(tasks: Sequence[str], split: Split, counts: dict[Control, int], workers: int) -> list[Outcome]:
    """Outcomes of all controls on all tasks, in order."""
    jobs: list[tuple[Control, Trial]] = [
        (control, Trial(task, i, split=split)) for task in tasks for control in CONTROLS for i in range(counts[control])
    ]
    os.environ.update(ONE_CORE)  # spawned workers read it
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return list(track(pool.imap(_run, jobs), "controls", total=len(jobs), console=Console(stderr=True)))


def totals(outcomes: Sequence[Outcome], env: str, control: Control) -> dict[str, Any]:
    """Successes, steps and errors of one control on one task."""
    mine = [o for o in outcomes if (o.env, o.control) == (env, control)]
    counted = [outcome for outcome in mine if not outcome.error]
    return {
        "env": env,
        "control": control,
        "trials": len(counted),
        "successes": sum(o.steps_done == o.steps for o in counted),
        "steps_done": sum(o.steps_done for o in counted),
        "steps": sum(o.steps for o in counted),
        "failed_trials": [o.trial for o in counted if o.steps_done < o.steps] if control == "expert" else [],
        "errors": {o.trial: o.error for o in mine if o.error},
        "mean_seconds": sum(o.seconds for o in counted) / max(len(counted), 1),
    }


def show(results: Sequence[dict[str, Any]], split: str) -> Table:
    """The totals as a table, one line a task."""
    table = Table(title=f"{split} layouts: trials with every step done; steps done of those that should do none")
    for column in ("env", "expert", "mean episode, s", "failed trials", "zero", "random", "resets refused"):
        table.add_column(column)
    for env in dict.fromkeys(r["env"] for r in results):
        of = {r["control"]: r for r in results if r["env"] == env}
        expert, resets = of["expert"], sum(len(r["errors"]) for r in of.values())
        tried = sum(len(r["errors"]) + r["trials"] for r in of.values())
        failed = ", ".join(map(str, expert["failed_trials"])) or "-"
        idle = [f"{of[c]['steps_done']}/{of[c]['steps']}" for c in ("zero", "random")]
        table.add_row(
            env, f"{expert['successes']}/{expert['trials']}", f"{expert['mean_seconds']:.1f}", failed, *idle, f"{resets}/{tried}"
        )
    return table


def chosen(env: str) -> tuple[str, ...]:
    """The tasks that `--env` names.

    Raises:
        ValueError: it is no task, no group and not "all"; the message gives the nearest name.
    """
    if env == "all":
        return TASK_NAMES
    return GROUPS[env] if env in GROUPS else (checked_name(env, (*TASK_NAMES, *GROUPS, "all"), "env"),)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="sort_toys", help="a task, a group, or all (default sort_toys)")
    parser.add_argument("--split", choices=("train", "test"), default="test")
    parser.add_argument("--layouts", type=int, default=200, help="trials of the expert (default 200)")
    parser.add_argument("--idle", type=int, default=50, help="trials of doing nothing, and of random motion (default 50)")
    parser.add_argument("--resets", type=int, default=0, help="resets only, beside those of the trials (default 0)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes (default: one per core)")
    parser.add_argument("--out", default="outputs/benchmarks", help="folder of expert.json")
    args = parser.parse_args()
    try:
        tasks = chosen(args.env)
    except ValueError as error:
        parser.error(str(error))
    counts: dict[Control, int] = {"expert": args.layouts, "zero": args.idle, "random": args.idle, "reset": args.resets}
    outcomes = measure(tasks, args.split, counts, args.workers)
    results = [totals(outcomes, task, control) for task in tasks for control in CONTROLS]
    Console().print(show(results, args.split))
    for r in results:
        for trial, error in r["errors"].items():
            print(f"{r['env']}, trial {trial}: {error}")
    result = {"split": args.split, "totals": results, "outcomes": [asdict(o) for o in outcomes]}
    print(f"written to {save('expert', result, args.out)}")


if __name__ == "__main__":
    main()

"""What a chunk costs: a policy's latency as a whole and by part, in the closed loop that it runs in.

    python -m experiments.benchmarks.inference_speed --threads 2

The bar is real time: 8 actions at 15 Hz are executed in 533 ms, so an inference must take less.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import asdict
from typing import Any, get_args

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from envs.sim_env import SimEnv
from envs.types import CONTROL_HZ, Inference, Observation, Policy, Trial
from experiments.benchmarks.timing import machine, save
from experiments.policies import make_policy
from policy.running import Compiled, Precision, Running

TOTAL = "one chunk"
WARM_UP = 2  # inferences that are not counted: caches and kernels are made there


def measure(policy: Policy, env: SimEnv, trial: Trial, chunks: int) -> dict[str, list[float]]:
    """Milliseconds of each of `chunks` inferences: the whole, and each part that the policy itself times."""
    observation, _ = env.reset(options={"trial": trial})
    policy.reset(trial)
    cost: dict[str, list[float]] = {TOTAL: []}
    for index in range(WARM_UP + chunks):
        inference = timed(policy, observation, env.instruction, cost if index >= WARM_UP else {})
        observation, _, terminated, truncated, _ = env.step_chunk(inference.action_chunk[: policy.execute])
        if terminated or truncated:
            observation, _ = env.reset(options={"trial": trial})
            policy.reset(trial)
    return cost


def timed(policy: Policy, observation: Observation, instruction: str, cost: dict[str, list[float]]) -> Inference:
    """An inference, whose milliseconds, whole and by part, are added to `cost`."""
    start = time.perf_counter()
    inference = policy.infer(observation, instruction)
    total = time.perf_counter() - start
    for part, seconds in {TOTAL: total, **inference.seconds}.items():
        cost.setdefault(part, []).append(1000 * seconds)
    return inference


def percentiles(cost: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Part -> {p50, p95, max} in ms."""
    return {
        part: {"p50": float(np.median(ms)), "p95": float(np.percentile(ms, 95)), "max": max(ms)}
        for part, ms in cost.items()
    }


def show(cost: dict[str, dict[str, float]], title: str, budget_ms: float) -> Table:
    """One row for each part, the whole first."""
    table = Table(title=title, caption=f"real time needs less than {budget_ms:.0f} ms")
    for column in ("", "p50 ms", "p95 ms", "max ms"):
        table.add_column(column, justify="right" if column else "left")
    for part, ms in cost.items():
        table.add_row(part, *(f"{ms[column]:.1f}" for column in ("p50", "p95", "max")))
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", default="chatvla_tiny")
    parser.add_argument("--checkpoint", help="folder with weights (default: the shipped one)")
    parser.add_argument("--reason-every", type=int, default=1, help="chunks that one spoken reasoning serves (default 1)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 (default: the first GPU where there is one)")
    parser.add_argument("--precision", choices=get_args(Precision), default="auto", help="default: bfloat16 for large networks on a GPU")
    parser.add_argument("--compile", choices=get_args(Compiled), default="none", help="loops: speaking and denoising compiled, on a GPU as CUDA graphs")
    parser.add_argument("--task", default="sort_toys")
    parser.add_argument("--chunks", type=int, default=40, help="inferences that are counted (default 40)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="torch's threads (default: one per core)")
    parser.add_argument("--out", default="outputs/benchmarks", help="folder of inference_speed.json")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    env = SimEnv(args.task)
    running = Running(args.device, args.precision, args.compile, args.reason_every)
    policy = make_policy(args.policy, env, args.checkpoint, running=running)
    cost = percentiles(measure(policy, env, Trial(args.task, 0), args.chunks))
    title = f"{policy.name}, {args.threads} threads, {machine()['cpu']}"
    Console().print(show(cost, title, 1000 * policy.execute / CONTROL_HZ))
    result: dict[str, Any] = {"policy": policy.name, "checkpoint": args.checkpoint, "threads": args.threads, "running": asdict(running), "ms": cost}
    print(f"written to {save('inference_speed', result, args.out)}")


if __name__ == "__main__":
    main()

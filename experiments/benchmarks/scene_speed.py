"""What a control step with three cameras costs in every task, beside sort_toys, and how much memory one environment takes.

    python -m experiments.benchmarks.scene_speed --env all

Two processes on one core each take turns, block after block: sort_toys and the other task, both replaying their expert's
first actions. Ratios are of neighbouring blocks. Memory is the process's largest resident size, simulator included.
"""

from __future__ import annotations

import argparse
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from experiments.benchmarks.env_speed import MODULES
from experiments.benchmarks.expert import chosen
from experiments.benchmarks.timing import Contender, save, summary

STEPS = 40  # per block
BASE = "sort_toys"


def measure(task: str, repeats: int) -> dict[str, Any]:
    """CPU ms of both, their ratio and the task's memory in MiB."""
    base, other = (Contender(*MODULES["cameras"], "--task", name) for name in (BASE, task))
    pairs = [(base.block(STEPS).cpu_ms, other.block(STEPS).cpu_ms) for _ in range(repeats)]
    memory = other.peak_mib()
    for contender in (base, other):
        contender.close()
    return {
        "env": task,
        "cpu_ms": summary([ours for _, ours in pairs]),
        "ratio": summary([ours / of_base for of_base, ours in pairs]),
        "memory_mib": memory,
    }


def show(results: list[dict[str, Any]]) -> Table:
    """One line a task."""
    table = Table(title=f"control step with three 320x240 cameras, one core: median (min-max) of blocks of {STEPS}")
    for column in ("env", "CPU ms", f"times {BASE}", "memory, MiB"):
        table.add_column(column)
    for r in results:
        cells = ["{median:.3g} ({min:.3g}-{max:.3g})".format(**r[key]) for key in ("cpu_ms", "ratio")]
        table.add_row(r["env"], *cells, f"{r['memory_mib']:.0f}")
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="all", help="a task, a group, or all (default)")
    parser.add_argument("--repeats", type=int, default=5, help="pairs of blocks per task (default 5)")
    parser.add_argument("--out", default="outputs/benchmarks", help="folder of scene_speed.json")
    args = parser.parse_args()
    try:
        tasks = chosen(args.env)
    except ValueError as error:
        parser.error(str(error))
    results = [measure(task, args.repeats) for task in track(tasks, "tasks", console=Console(stderr=True))]
    Console().print(show(results))
    print(f"written to {save('scene_speed', {'results': results}, args.out)}")


if __name__ == "__main__":
    main()

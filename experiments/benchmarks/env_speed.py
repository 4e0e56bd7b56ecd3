"""What a control step costs: ours with three cameras, ours without, and robosuite's own environment, in one run.

    python -m experiments.benchmarks.env_speed

Three processes on one core each take turns, block after block, so that whatever else the machine does meets all three.
Ours replays the expert's first actions of one trial (reach, grasp, lift); resets are not timed. The ratios are of
neighbouring blocks; what is reported is their median with the extremes beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from envs.expert import act
from envs.sim_env import SimEnv
from envs.types import CAMERAS, IMAGE_SHAPE, Trial
from experiments.benchmarks.timing import Block, Contender, gl_renderer, save, serve, summary

STEPS = {"cameras": 60, "blind": 90, "robosuite": 12}  # per block: a second or so each
MODULES = {
    "cameras": ("experiments.benchmarks.env_speed", "--serve", "cameras"),
    "blind": ("experiments.benchmarks.env_speed", "--serve", "blind"),
    "robosuite": ("experiments.benchmarks.robosuite_env",),
}


def serve_ours(task: str, cameras: bool) -> None:
    """Serve timed blocks of our environment: expert actions of the task's first trial, replayed."""
    env, trial = SimEnv(task, cameras=False), Trial(task, 0)
    env.reset(options={"trial": trial})
    actions = []
    for _ in range(max(STEPS.values())):
        action, *_ = act(env)
        env.step(action)
        actions.append(action)
    env.cameras = cameras
    following = iter(actions)

    def reset() -> None:
        nonlocal following
        env.reset(options={"trial": trial})
        following = iter(actions)

    def step() -> None:
        observation, *_ = env.step(next(following))
        assert all(observation["pixels"][name].shape == IMAGE_SHAPE for name in CAMERAS)

    name = "ours, 3 cameras 320x240" if cameras else "ours, no cameras"
    serve(reset, step, {"name": name, "gl": gl_renderer() if cameras else "none"})


def measure(task: str, repeats: int, names: Sequence[str] = tuple(MODULES)) -> dict[str, Any]:
    """Blocks of the contenders `names` of `MODULES` in turn, and what follows from them; a ratio only where both are there."""
    contenders = {k: Contender(*MODULES[k], *([] if k == "robosuite" else ["--task", task])) for k in names}
    blocks: dict[str, list[Block]] = {key: [] for key in contenders}
    for _ in range(repeats):
        for key, contender in contenders.items():
            blocks[key].append(contender.block(STEPS[key]))
    about = {key: contender.about for key, contender in contenders.items()}
    for contender in contenders.values():
        contender.close()
    stock, ours = (blocks.get(key, []) for key in ("robosuite", "cameras"))
    ratio = [a.cpu_ms / b.cpu_ms for a, b in zip(stock, ours, strict=False)]
    return {
        "about": about,
        "steps_per_block": STEPS,
        "blocks": {key: [vars(block) for block in each] for key, each in blocks.items()},
        "cpu_ms": {key: summary([block.cpu_ms for block in each]) for key, each in blocks.items()},
        "steps_per_s": {key: summary([1000 / block.cpu_ms for block in each]) for key, each in blocks.items()},
        "robosuite_over_ours": summary(ratio) if ratio else None,
    }


def show(result: dict[str, Any]) -> Table:
    """The result as a table: CPU ms and steps per CPU second, median (min-max)."""
    table = Table(title=f"control step of 1/15 s, one core, {len(result['blocks']['cameras'])} blocks each")
    for column in ("median (min-max)", "CPU ms per step", "steps per CPU s"):
        table.add_column(column)
    for key, about in result["about"].items():
        table.add_row(about["name"], _spread(result["cpu_ms"][key]), _spread(result["steps_per_s"][key]))
    gl = " | ".join(sorted({about["gl"] for about in result["about"].values()} - {"none"}))
    table.caption = f"robosuite / ours with 3 cameras: {_spread(result['robosuite_over_ours'])}\n{gl}"
    return table


def _spread(values: dict[str, float]) -> str:
    return "{median:.4g} ({min:.4g}-{max:.4g})".format(**values)


def main() -> None:
    """Measure and print, or serve as one of the contenders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7, help="blocks per contender (default 7)")
    parser.add_argument("--out", default="outputs/benchmarks", help="folder of env_speed.json")
    parser.add_argument("--task", default="sort_toys", help="whose control steps (default sort_toys)")
    parser.add_argument("--serve", choices=("cameras", "blind"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve_ours(args.task, args.serve == "cameras")
        return
    result = measure(args.task, args.repeats)
    Console().print(show(result))
    print(f"written to {save('env_speed', result, args.out)}")


if __name__ == "__main__":
    main()

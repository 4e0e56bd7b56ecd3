"""What a scene question costs once its moment is captured: facts and segmentation to worded lines, on one core.

    python -m experiments.benchmarks.question_speed --env sort_toys tidy_up math_matching
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from envs.types import CAMERAS, Trial
from experiments.benchmarks.timing import save

BAR = 200  # questions/s per core, without rendering


def measure(task: str, moments: int, repeats: int) -> dict[str, Any]:
    """CPU seconds of capturing a moment, and questions per CPU second of asking about it; a choice's rotations count once."""
    from envs.sim_env import SimEnv
    from envs.vqa.families import ask
    from envs.vqa.moments import made_up
    from envs.vqa.records import Picture, held_out, records

    env, rng = SimEnv(task), np.random.default_rng(0)
    began = time.process_time()
    captured = list(made_up(env, Trial(task, 0, 9, "test"), moments))
    capture_s = (time.process_time() - began) / moments
    env.close()
    asked, lines, began = 0, 0, time.process_time()
    for _ in range(repeats):
        for moment in captured:
            for camera in CAMERAS:
                found = ask(moment.view(camera), rng)
                made = records(found, Picture(moment.scene, "test", camera, "p.png", {"env": task}), held_out(moment.facts), rng)
                lines += len([json.dumps(r) for r in made])
                asked += sum(len(items) for _, items in found)
    seconds = time.process_time() - began
    return {"env": task, "questions_per_s": asked / seconds, "lines_per_s": lines / seconds, "per_picture": asked / (repeats * moments * 3), "capture_ms": 1000 * capture_s}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", nargs="+", default=["sort_toys", "tidy_up", "prepare_breakfast", "math_matching"], help="tasks")
    parser.add_argument("--moments", type=int, default=10, help="captured of each task (default 10)")
    parser.add_argument("--repeats", type=int, default=10, help="times that each is asked about (default 10)")
    parser.add_argument("--out", default="outputs/benchmarks", help="folder of question_speed.json")
    args = parser.parse_args()
    results = [measure(task, args.moments, args.repeats) for task in args.env]
    table = Table(title=f"questions per CPU second of one core, without rendering (bar: {BAR})")
    for column in ("env", "questions/s", "lines/s, with rotations", "questions a picture", "CPU ms to capture a moment"):
        table.add_column(column)
    for r in results:
        table.add_row(r["env"], *(f"{r[k]:.0f}" for k in ("questions_per_s", "lines_per_s", "per_picture", "capture_ms")))
    Console().print(table)
    print(f"written to {save('question_speed', {'results': results}, args.out)}")


if __name__ == "__main__":
    main()

"""Runs the points of a sweep in processes of this machine or on a Ray cluster; on Slurm: `experiments.sweeping.slurm`."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from experiments import pool
from experiments.sweeping.point_run import LOG, STATE, read, run_point, write

ROOT = Path(__file__).resolve().parents[2]
STOP_S = 20.0  # for a point to keep what it has after Ctrl-C
LOOK_S = 0.5


def run_local(folders: Sequence[Path], jobs: int, look: Callable[[], None]) -> None:
    """Runs each folder's point in a process of its own, `jobs` at once, or all in this one (0); `look` is called meanwhile.

    Raises:
        KeyboardInterrupt: after Ctrl-C, when the running points have kept what they have.
    """
    if not jobs:
        for folder in folders:
            run_point(folder)
            look()
        return
    todo, running = list(folders), {}
    try:
        while todo or running:
            while todo and len(running) < jobs:
                folder = todo.pop(0)
                running[folder] = _start(folder)
            time.sleep(LOOK_S)
            for folder in [f for f, process in running.items() if process.poll() is not None]:
                code = running.pop(folder).returncode
                ended(folder, f"the process ended with exit code {code}; see {folder / LOG}")
            look()
    finally:
        for process in running.values():
            process.send_signal(signal.SIGINT)
        for process in running.values():
            _wait(process)


class PointWorker:
    """A worker of `experiments.pool` that runs points where the sweep was started."""

    def __init__(self, start: Path) -> None:
        os.chdir(start)

    def __call__(self, folder: Path, tell: Callable[[Any], None]) -> None:
        run_point(folder)

    def close(self) -> None:
        """Nothing to free: each point frees its own."""


def run_ray(folders: Sequence[Path], look: Callable[[], None]) -> None:
    """Runs the points on the Ray cluster of `experiments.ray_pool`, whose nodes see this folder."""
    for event in pool.run(functools.partial(PointWorker, Path.cwd()), folders, "ray"):
        if isinstance(event, pool.Died):
            ended(event.item, f"its process died: {event.reason}")
        look()


def _start(folder: Path) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "experiments.sweeping.point_run", str(folder)], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}, start_new_session=True,
        )  # fmt: skip


def ended(folder: Path, how: str) -> None:
    """A process that ended without a word, killed for its memory perhaps, is a failure that is told."""
    if read(folder / STATE).get("state") not in ("done", "failed"):
        write(folder / STATE, {"state": "failed", "error": how})


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

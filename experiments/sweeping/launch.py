"""Runs the points of a sweep: in processes of this machine, on a Ray cluster, or through one of Hydra's launchers."""

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

from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.errors import HydraException
from hydra.initialize import initialize_config_dir
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from experiments import config as conf
from experiments import pool
from experiments.errors import UsageError
from experiments.sweeping.point_run import LOG, POINT, STATE, read, run_point, write

ROOT = Path(__file__).resolve().parents[2]
# Our name -> Hydra's, and the package that brings it. Hydra's own launcher for Ray asks for older packages than the rest.
LAUNCHERS = {"slurm": ("submitit_slurm", "hydra-submitit-launcher"), "basic": ("basic", "hydra-core")}
LAUNCHER_NAMES = ("local", "ray", *LAUNCHERS)
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
                _ended(folder, running.pop(folder).returncode)
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
            write(event.item / STATE, {"state": "failed", "error": f"its process died: {event.reason}"})
        look()


def run_launched(name: str, folders: Sequence[Path], options: Sequence[str] = ()) -> None:
    """Runs the points through Hydra's launcher of that name; `options` are its overrides, such as `hydra.launcher.partition=gpu`.

    Raises:
        UsageError: the launcher is not installed, with the package that brings it; or an option is wrong.
    """
    try:
        launcher = _launcher(name, options)
        launcher.launch([[*read(folder / POINT)["overrides"], f"out={folder}"] for folder in folders], 0)
    finally:
        GlobalHydra.instance().clear()


def task(config: DictConfig) -> None:
    """What a launcher runs, on whatever machine it does: the point whose folder `out` names."""
    run_point(Path(config.out))


def _launcher(name: str, options: Sequence[str]) -> Launcher:
    group, package = LAUNCHERS[name]
    state = Singleton.get_state()
    conf.register()
    GlobalHydra.instance().clear()
    initialize_config_dir(str(conf.CONF_DIR), version_base="1.3")
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    known = hydra.config_loader.get_group_options("hydra/launcher")
    if group not in known:
        Singleton.set_state(state)
        raise UsageError(f"launcher={name} needs the package {package}, which is not installed here (installed: {', '.join(known)}); pip install -e '.[{name}]' -c constraints.txt, or choose launcher=local or ray")
    try:
        composed = hydra.compose_config("config", [f"hydra/launcher={group}", *options], RunMode.MULTIRUN, with_log_configuration=False)
    except HydraException as error:
        raise UsageError(str(error).splitlines()[0]) from None
    context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(composed))
    return Plugins.instance().instantiate_launcher(hydra_context=context, task_function=task, config=composed)


def _start(folder: Path) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "experiments.sweeping.point_run", str(folder)], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}, start_new_session=True,
        )  # fmt: skip


def _ended(folder: Path, code: int) -> None:
    """A process that ended without a word, killed for its memory perhaps, is a failure that is told."""
    if read(folder / STATE).get("state") not in ("done", "failed"):
        write(folder / STATE, {"state": "failed", "error": f"the process ended with exit code {code}; see {folder / LOG}"})


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

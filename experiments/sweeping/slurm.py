"""Runs the points of a sweep as jobs of Slurm, by submitit, with the settings of Hydra's launcher for it.

A job that runs out of time, or is preempted, is queued again and goes on from what its point had kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.initialize import initialize_config_dir
from hydra.types import RunMode
from omegaconf import OmegaConf

from experiments import config as conf
from experiments.errors import UsageError
from experiments.sweeping.launch import ended
from experiments.sweeping.point_run import STATE, run_point, write

if TYPE_CHECKING:
    from submitit import AutoExecutor
    from submitit.helpers import DelayedSubmission

JOBS = "jobs/%j"  # in the sweep's folder: what submitit writes, and the jobs' logs
LOOK_S = 2.0
# Of `hydra.launcher`, where nobody says otherwise: a day for a job, and as often again, since points go on where they stopped.
DEFAULTS = {"timeout_min": 1440, "max_num_timeout": 20, "name": "sweep"}
INSTALL = "launcher=slurm needs the package hydra-submitit-launcher, which is not installed here; pip install -e '.[slurm]' -c constraints.txt, or choose launcher=local or ray"


class PointJob:
    """What a job runs: a point, from the folder that the sweep was started in."""

    def __init__(self, start: Path) -> None:
        self._start = start

    def __call__(self, folder: Path) -> None:
        os.chdir(self._start)
        run_point(folder)

    def checkpoint(self, folder: Path) -> DelayedSubmission:
        """What submitit queues in place of a job that has to go: the same, which goes on."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, folder)


def executor(root: Path, options: Sequence[str] = (), cluster: str = "slurm") -> AutoExecutor:
    """What submits jobs, their files in the sweep's folder `root`.

    options: overrides of Hydra's launcher, such as `hydra.launcher.partition=gpu`. cluster: submitit's name of what runs
    the jobs; `local` is processes of this machine.

    Raises:
        UsageError: the launcher is not installed, with the package that brings it; an option is wrong; or there is no Slurm.
    """
    values = settings(cluster, options)
    from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf
    from submitit import AutoExecutor

    shared = {field.name for field in fields(BaseQueueConf)}  # submitit calls what only Slurm has by another name
    named = {name if name in shared else f"{cluster}_{name}": value for name, value in values.items()}
    limit = f"{cluster}_max_num_timeout"
    try:
        made = AutoExecutor(root / named.pop("submitit_folder"), cluster=cluster, **{n: named.pop(n) for n in (limit,) if n in named})
    except RuntimeError as error:  # submitit looks for srun
        raise UsageError(f"launcher=slurm: {error}; start the sweep on a machine of the cluster, or choose launcher=local or ray") from None
    made.update_parameters(**named)
    return made


def run_slurm(jobs: AutoExecutor, folders: Sequence[Path], look: Callable[[], None]) -> None:
    """Runs the points as one array of jobs; `look` is called meanwhile. A job that dies is a failed point, the others go on.

    Raises:
        KeyboardInterrupt: after Ctrl-C, when the jobs are cancelled.
    """
    running = dict(zip(folders, jobs.map_array(PointJob(Path.cwd()), [folder.absolute() for folder in folders]), strict=True))
    try:
        while running:
            time.sleep(LOOK_S)
            for folder, job in [(f, j) for f, j in running.items() if j.done()]:
                del running[folder]
                ended(folder, f"its job {job.job_id} ended as {job.state}; see {job.paths.stderr}")
            look()
    finally:
        for folder, job in running.items():
            job.cancel()
            write(folder / STATE, {"state": "stopped"})


def settings(cluster: str, options: Sequence[str]) -> dict[str, Any]:
    """The settings of Hydra's launcher, with `options` over `DEFAULTS`.

    Raises:
        UsageError: the launcher is not installed, or has no such setting.
    """
    GlobalHydra.instance().clear()
    conf.register()
    try:
        initialize_config_dir(str(conf.CONF_DIR), version_base="1.3")
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        group = f"submitit_{cluster}"
        if group not in hydra.config_loader.get_group_options("hydra/launcher"):
            raise UsageError(INSTALL)
        composed = hydra.compose_config("config", [f"hydra/launcher={group}", *options], RunMode.MULTIRUN, with_log_configuration=False)
    except HydraException as error:
        raise UsageError(str(error).splitlines()[0]) from None
    finally:
        GlobalHydra.instance().clear()
    known: Any = OmegaConf.to_container(composed.hydra.launcher)
    given = {option.partition("=")[0] for option in options}
    own = {name: value for name, value in {"submitit_folder": JOBS, **DEFAULTS}.items() if name in known and f"hydra.launcher.{name}" not in given}
    return {name: value for name, value in (known | own).items() if name != "_target_"}

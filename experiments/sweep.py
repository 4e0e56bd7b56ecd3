"""Sweeps: many runs that differ in what is listed, each once, in a folder named by its configuration; one table of results.

    table = sweep(["setting=ablation", "train.experts=dense,static", "seed=1,2,3"])
    table[table.metric == "success"]

The same on the command line: `python experiments/run.py -m setting=ablation train.experts=dense,static seed=1,2,3`.
Called again it goes on: points that are done are read, failed and stopped ones are run again, and whatever stages of
training several points share are trained once.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console

from experiments import config as conf
from experiments.errors import UsageError, check_name
from experiments.options import CHOICES
from experiments.run import command
from experiments.stages import collect
from experiments.sweeping.launch import run_local, run_ray
from experiments.sweeping.live import Board
from experiments.sweeping.point_run import POINT, STATE, locked, read, write
from experiments.sweeping.points import Point, grid
from experiments.sweeping.slurm import executor, run_slurm
from experiments.sweeping.tidy import tidy

FOLDER = Path("outputs/sweeps")
COLLECTED = ".collected"  # in a data folder: what a sweep has collected there, all of it


def sweep(
    overrides: Sequence[str],
    points: Sequence[Sequence[str]] = ((),),
    out: str | Path | None = None,
    launcher: str = "local",
    jobs: int = 1,
    launcher_options: Sequence[str] = (),
    console: Console | None = None,
) -> pd.DataFrame:
    """Runs what is left of a sweep; gives its rows as `load` does.

    overrides: those of a single run, some with several values: `seed=1,2,3`, `seed=range(1,4)`, `env=sort_toys,hang_cup`.
    points: instead or besides, a list of points, each with overrides of its own. out: the sweep's folder (default: by
    what varies). jobs: how many points run at once on this machine; 0 = in this process. launcher: `local`, `ray`
    (a cluster, or one of this machine), or `slurm`, with `launcher_options` such as `hydra.launcher.partition=gpu`.

    Raises:
        UsageError: an override that no run can have, or a launcher that is not installed.
        KeyboardInterrupt: after Ctrl-C; what is done is kept.
    """
    check_name(launcher, CHOICES["sweep.launcher"], "launcher")
    for option in launcher_options:
        if launcher != "slurm" or not option.startswith("hydra.launcher."):
            raise UsageError(f"'{option}' would change nothing; hydra.launcher.NAME=VALUE are settings of sweep.launcher=slurm, others of Hydra's have no use here")
    found = grid(overrides, points)
    root = Path(out) if out is not None else FOLDER / default_name(found)
    slurm = executor(root, launcher_options) if launcher == "slurm" else None  # before anything is collected
    folders = [prepare(root, point) for point in found]
    todo = [folder for folder in folders if read(folder / STATE).get("state") != "done"]
    collect_once([p for p, f in zip(found, folders, strict=True) if f in todo])
    for folder in todo:
        (folder / STATE).unlink(missing_ok=True)
    with Board(found, folders, jobs, console) as board:
        if launcher == "local":
            run_local(todo, jobs, board.look)
        elif launcher == "ray" and todo:
            run_ray(todo, board.look)
        elif slurm and todo:
            run_slurm(slurm, todo, board.look)
    return tidy(folders)


def load(folder: str | Path) -> pd.DataFrame:
    """The rows of a sweep's folder: one for each point, task (`env`) and `metric`, with its `value`, `low` and `high`.

    Columns: `point`; what varied, by the override's name, with each point's value; `env`; `metric`; `value`, its 95 %
    interval `low` to `high` and the `n` it is over, where it has them; `state` and `error` of the point. A point that is
    not done has one row without a metric. Several sweeps into one folder are one table.

    Raises:
        UsageError: there is no sweep in the folder.
    """
    folders = sorted(path.parent for path in Path(folder).glob(f"*/{POINT}"))
    if not folders:
        raise UsageError(f"no sweep in {folder}; give the folder of one, such as {FOLDER}/NAME")
    return tidy(folders)


def prepare(root: Path, point: Point) -> Path:
    """The folder of a point, with its overrides written down."""
    folder = root / point.key
    folder.mkdir(parents=True, exist_ok=True)
    varied = {*read(folder / POINT).get("varied", []), *point.varied}
    write(folder / POINT, {"overrides": list(point.overrides), "varied": sorted(varied), "values": dict(point.values)})
    return folder


def collect_once(points: Sequence[Point]) -> None:
    """Collects, before the points run, the demonstrations that they share.

    Raises:
        UsageError: two points want different demonstrations in one folder.
    """
    wanted = {}
    for point in points:
        config = conf.load(point.overrides)
        if config.stage != "all":
            continue
        seed = config.seed if config.collect.seed is None else config.collect.seed
        asked = dataclasses.asdict(config.collect) | {"seed": seed}
        for env in config.envs:
            folder = config.data_dir(env)
            if wanted.setdefault(folder, (asked, env, config))[0] != asked:
                raise UsageError(f"points of the sweep want different demonstrations in {folder}; give collect.seed=0 for the same ones, or collect.out= to each")
    for folder, (asked, env, config) in wanted.items():
        with locked(folder):
            if read(folder / COLLECTED) != asked:
                collect(dataclasses.replace(config, env=env, collect=dataclasses.replace(config.collect, out=str(folder))), command(["stage=collect"]))
                write(folder / COLLECTED, asked)


def default_name(points: Sequence[Point]) -> str:
    """A folder's name from what varies, such as `train.experts-seed`."""
    names = dict.fromkeys(name for point in points for name in point.varied)
    return re.sub(r"[^\w.+-]", "_", "-".join(names)) or points[0].key


def main(argv: Sequence[str], console: Console | None = None) -> int:
    """`-m` on the command line; exit code 1 where a point failed."""
    told = [text for text in argv if text not in ("-m", "--multirun")]
    own = conf.load([text for text in told if text.startswith(("sweep.", "out="))])
    options = [text for text in told if text.startswith("hydra.")]
    rest = [text for text in told if not text.startswith(("sweep.", "out=", "hydra."))]
    table = sweep(rest, out=own.out, launcher=own.sweep.launcher, jobs=own.sweep.jobs, launcher_options=options, console=console)
    failed = table[table.state == "failed"]
    shown = console or Console()
    for row in failed.itertuples():
        shown.print(f"point {row.point} failed: {row.error}", highlight=False, soft_wrap=True, markup=False)
    return int(len(failed) > 0)

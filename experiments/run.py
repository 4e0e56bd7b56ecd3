"""The command line: `python experiments/run.py env=sort_toys stage=evaluate policy=chatvla_tiny`."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from experiments import config as conf
from experiments.checks import check
from experiments.errors import UsageError
from experiments.options import CHOICES
from experiments.stages import run_stage

USAGE = "python experiments/run.py [name=value ...]      a sweep: -m seed=1,2,3 train.experts=dense,static"

SETTING_HELP = (conf.SETTING, "none", "a named set of overrides, which others are added to (experiments/conf/setting)")


def main(argv: list[str]) -> int:
    """Run what the arguments ask for; the exit code: 0, 2 for a mistake of the caller, 130 after Ctrl-C."""
    try:
        if {"-h", "--help"} & set(argv):
            print_help(Console())
        elif {"-m", "--multirun"} & set(argv):
            from experiments.sweep import main as sweep  # imported here: pandas takes its time

            return sweep(argv)
        elif any(arg.startswith("-") for arg in argv):  # Hydra's own flags, such as --cfg job
            conf.check_overrides([arg for arg in argv if not arg.startswith("-")])
            os.environ.setdefault("HYDRA_FULL_ERROR", "1")
            conf.register()
            _hydra_main()
        else:
            run_stage(conf.load(argv), command(argv))
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nstopped; the finished trials are kept. To go on: {command(argv)}", file=sys.stderr)
        return 130
    return 0


def command(argv: list[str]) -> str:
    """The command that was typed."""
    return shlex.join(["python", "experiments/run.py", *argv])


def print_help(console: Console, usage: str = USAGE, kind: type[conf.Config] = conf.Config, choices: Mapping[str, tuple[str, ...]] = CHOICES) -> None:
    """Every override with its default, its values and its meaning."""
    console.print(usage + "\n", style="bold", highlight=False, markup=False)
    table = Table("name", "default", "values", box=None, pad_edge=False, header_style="dim")
    table.columns[0].no_wrap = True
    for name, default, text in (*conf.options(kind), SETTING_HELP):
        values = " | ".join({**choices, conf.SETTING: conf.SETTINGS}.get(name, ()))
        shown = "" if default in (None, []) else str(default)
        table.add_row(f"[bold]{name}[/bold]", shown, values + ("\n" if values else "") + text.replace("[", r"\["))
    console.print(table, highlight=False)


@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def _hydra_main(composed: DictConfig) -> None:
    config = OmegaConf.to_object(composed)
    assert isinstance(config, conf.Config)
    check(config)
    run_stage(config, command(sys.argv[1:]))


if __name__ == "__main__":
    # A script's own folder comes first on the path, where `config` or `video` would hide modules of those names.
    sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` and a cluster that wants its node back end a run as Ctrl-C does
    sys.exit(main(sys.argv[1:]))

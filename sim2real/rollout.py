"""The command line of the robot: `python sim2real/rollout.py env=sort_toys policy=chatvla_tiny` (on the twin; robot=franka ip=... serials=[...])."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from rich.console import Console

from experiments.display import Display
from experiments.errors import UsageError
from experiments.evaluation import identities, make_job, planned_trials, report
from experiments.results import ResultsWriter
from experiments.run import print_help
from sim2real import blind, options
from sim2real.assemble import make_policy, open_env
from sim2real.options import RobotConfig
from sim2real.outcomes import RobotError
from sim2real.session import Turn, play

USAGE = "python sim2real/rollout.py [name=value ...]"


def main(argv: list[str]) -> int:
    """Run what the arguments ask for; the exit code: 0, 2 for a mistake or a device in trouble, 130 after Ctrl-C."""
    command = shlex.join(["python", "sim2real/rollout.py", *argv])
    try:
        if {"-h", "--help"} & set(argv):
            print_help(Console(), USAGE, RobotConfig, options.ALL_CHOICES)
        else:
            run(options.load(argv), command)
    except (UsageError, RobotError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nstopped; the finished trials are kept. To go on: {command}", file=sys.stderr)
        return 130
    return 0


def run(config: RobotConfig, command: str) -> None:
    """The trials that are not finished yet, then the reports."""
    if config.stage == "evaluate":
        (blind.evaluate if config.against else evaluate)(config, command)
    elif config.against:
        blind.unseal(config, command)
    else:
        report(config, command)


def evaluate(config: RobotConfig, command: str) -> None:
    """One policy, task after task."""
    known = identities(config, config.robot)
    job = make_job(config, known, command)
    for name in config.envs:
        trials = [t for t in planned_trials(config) if t.env == name]
        with ResultsWriter(config.env_dir(name), known[name]) as writer:
            todo = [t for t in trials if t.index not in writer.finished]
            done = [row for row in writer.rows.values() if row.counted]
            if not todo:
                continue
            with open_env(config, name) as env, Display(f"{name} · {config.policy} · {config.robot}", {name: len(trials)}, done) as display:
                policy = make_policy(env, config.policy, job.make_policy)
                turns = [Turn(trial, policy, job.runs[name], writer) for trial in todo]
                play(env, turns, config.video, display.show, config.record_dir(name))
    report(config, command)


if __name__ == "__main__":
    # A script's own folder comes first on the path, where `rig` or `options` would hide modules of those names.
    sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]
    sys.exit(main(sys.argv[1:]))

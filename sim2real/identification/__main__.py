"""The command line: `python -m sim2real.identification excite | simulate | record | fit`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.errors import check_name
from experiments.report_style import md_table
from policy.arguments import parse
from sim2real.identification import dynamics, report
from sim2real.identification.excitation import excitation
from sim2real.identification.fit import fit
from sim2real.identification.from_torques import LAW, fit_torques
from sim2real.identification.samples import Samples
from sim2real.identification.synthetic import hidden_dynamics, record

TRUTH = "truth.json"
USAGE = """python -m sim2real.identification WHAT [name=value ...]

  excite     targets for the arm and the gripper at 15 Hz (CSV: time s, seven joints rad, gripper 0-1)
                                         out=outputs/excitation.csv  seconds=20  seed=0
  simulate   the log of an arm with hidden parameters, to try the rest without a robot
                                         out=outputs/identification/log.parquet  seconds=20  seed=0
  record     the log that a twin with hidden parameters leaves, played by the robot's own drivers
                                         out=outputs/identification/log.parquet  seconds=20  seed=0
  fit        a motion log -> dynamics.json and report.html beside it
                                         log=outputs/identification/log.parquet"""


@dataclass(frozen=True)
class Options:
    """Every option of every command."""

    out: str = ""
    log: str = "outputs/identification/log.parquet"
    seconds: float = 20.0
    seed: int = 0


def main(argv: Sequence[str]) -> int:
    """Run a command; the exit code: 0, or 2 for a mistake of the caller."""
    if not argv or {"-h", "--help"} & set(argv):
        print(USAGE)
        return 0
    try:
        command = COMMANDS[check_name(argv[0], COMMANDS, "command")]
        command(parse(argv[1:], f"sim2real.identification {argv[0]}", Options), shlex.join(["python", "-m", "sim2real.identification", *argv]))
    except ValueError as error:  # of the options, or of a log that cannot be used
        print(error, file=sys.stderr)
        return 2
    return 0


def excite(options: Options, command: str) -> None:
    """Writes a motion for the robot to play."""
    motion, path = excitation(options.seconds, np.random.default_rng(options.seed)), Path(options.out or "outputs/excitation.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    header = ",".join(["time", *(f"joint_target_{i}" for i in range(7)), "gripper_target"])
    np.savetxt(path, np.c_[motion.time, motion.joint_target, motion.gripper_target], "%.6f", ",", header=header, comments="")
    print(f"{path}: {len(motion.time)} targets at 15 Hz, from home to home")


def simulate(options: Options, command: str) -> None:
    """Writes a log whose truth is known, and the truth beside it."""
    path, rng = Path(options.out or options.log), np.random.default_rng(options.seed)
    motion, hidden = excitation(options.seconds, rng), hidden_dynamics(rng)
    record(hidden, motion, rng).write(path)
    hidden.write(path.parent / TRUTH)
    print(f"{path}: {options.seconds:g} s; now: python -m sim2real.identification fit log={path}")


def play(options: Options, command: str) -> None:
    """Writes the log of a hidden twin, and the truth beside it."""
    from sim2real.identification.recording import record  # brings the drivers, which the other commands do without

    path = Path(options.out or options.log)
    log, hidden = record(path, options.seconds, np.random.default_rng(options.seed))
    hidden.write(path.parent / TRUTH)
    print(f"{path}: {len(log.time)} samples; now: python -m sim2real.identification fit log={path}")


def identify(options: Options, command: str) -> None:
    """Fits a log and writes what was found."""
    path = Path(options.log)
    log = Samples.read(path)
    found = fit_torques(log) if LAW.items() <= log.meta.items() else fit(log)
    truth = dynamics.read(path.parent / TRUTH) if (path.parent / TRUTH).exists() else None
    found.dynamics.write(path.parent / "dynamics.json")
    (path.parent / "report.html").write_text(report.page(found, path.stem, command, truth))
    print(*map(md_table, (report.error_table(found), report.parameter_table(found, truth), report.timing_table(found, truth))), sep="\n\n")
    print(f"\n{path.parent / 'dynamics.json'}\n{path.parent / 'report.html'}")


COMMANDS = {"excite": excite, "simulate": simulate, "record": play, "fit": identify}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

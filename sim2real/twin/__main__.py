"""The command `python -m sim2real.twin env=sort_toys`: serves a twin until Ctrl-C, and says where."""

from __future__ import annotations

import sys
import time

from envs.names import TASK_NAMES, checked_name
from envs.types import CAMERAS, Trial
from sim2real.twin.clock import MODES
from sim2real.twin.robots import ROBOTS
from sim2real.twin.state_ring import TwinState
from sim2real.twin.twin import Twin
from sim2real.twin.wire import DIALECTS, MODE_NAMES

OPTIONS = {
    "env": ("sort_toys", "the task whose scene it is"),
    "trial": ("0", "number of the test trial that it shows"),
    "mode": ("real_time", "lockstep | real_time: whether the arm waits for late commands"),
    "robot": ("fr3", " | ".join(ROBOTS)),
    "version": ("", f"of the Franka Control Interface: {' | '.join(map(str, DIALECTS))} (default: the robot's newest)"),
    "ip": ("", "a loopback address (default: the first free one)"),
}
TOLD_EVERY_S = 10.0


def main(argv: list[str]) -> int:
    """Serve what the arguments ask for; the exit code: 0 after Ctrl-C, 2 for a mistake of the caller."""
    if {"-h", "--help"} & set(argv):
        print("python -m sim2real.twin [name=value ...]\n")
        for name, (default, help_text) in OPTIONS.items():
            print(f"  {name:<8} {default:<10} {help_text}")
        return 0
    try:
        twin = _made(_parsed(argv))
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    with twin:
        print(_card(twin), flush=True)
        try:
            while True:
                time.sleep(TOLD_EVERY_S)
                print(_line(twin.state()), flush=True)
        except KeyboardInterrupt:
            return 0


def _parsed(argv: list[str]) -> dict[str, str]:
    values = {name: default for name, (default, _) in OPTIONS.items()}
    for argument in argv:
        name, equals, value = argument.partition("=")
        checked_name(name, tuple(OPTIONS), "option")
        if not equals:
            raise ValueError(f"'{argument}' has no value; write {name}=value")
        values[name] = value
    return values


def _made(values: dict[str, str]) -> Twin:
    for name in ("trial", "version"):
        if values[name] and not values[name].isdecimal():
            raise ValueError(f"{name}={values[name]} is no number")
    mode = values["mode"]
    if mode not in MODES or mode == "gated":
        raise ValueError(f"mode={mode} is unknown here; expected lockstep or real_time (gated needs sim2real.twin.Twin)")
    trial = Trial(checked_name(values["env"], TASK_NAMES, "env"), int(values["trial"]))
    version = int(values["version"]) if values["version"] else None
    return Twin(trial, mode, robot=values["robot"], version=version, ip=values["ip"] or None)  # type: ignore[arg-type]


def _card(twin: Twin) -> str:
    serials = ", ".join(f"{name} {twin.serials[name]}" for name in CAMERAS)
    return (
        f"twin of {twin.trial.env}, trial {twin.trial.index}, {twin.mode}\n"
        f"  arm      {twin.robot} at {twin.ip} (Franka Control Interface {twin.version}), RealtimeConfig.Ignore\n"
        f"  gripper  Robotiq 2F-85 at {twin.gripper_port} (Modbus RTU, slave 9)\n"
        f"  cameras  {serials}\n"
        f'           sl = sim2real.twin.zed.sl(Path("{twin.folder}"))\n'
        "Ctrl-C ends it."
    )


def _line(state: TwinState) -> str:
    return (
        f"{state.tick / 1000:8.1f} s  {MODE_NAMES[state.robot_mode]}, {state.commands} commands, {state.lost} lost, "
        f"{state.late_ticks} ms late, gripper {state.gripper_closed:.2f} closed, {state.steps_done} steps done"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

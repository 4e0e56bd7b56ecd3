"""Demonstrations by hand: `python sim2real/teleop.py env=sort_toys source=keyboard sim=true out=outputs/data/by_hand`, into the dataset that training reads."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from envs.dataset_files import slots
from envs.dataset_meta import rebuild
from envs.geometry import matrix_from_rot6d, rot6d_from_matrix, rotation_matrix
from envs.sim_env import SimEnv
from envs.types import ACTION_EE_POS, ACTION_GRIPPER, ACTION_ROT6D, CONTROL_HZ, Trial
from experiments.errors import UsageError
from experiments.options import option
from experiments.run import print_help
from policy.baselines import hold_action
from sim2real import options
from sim2real.assemble import open_env
from sim2real.options import RobotConfig
from sim2real.outcomes import RobotError
from sim2real.recording import EpisodeRecorder
from sim2real.teleop_sources import KEY_HELP, Nudge, Source, file_actions, is_device, open_source

USAGE = "python sim2real/teleop.py env=sort_toys source=keyboard [name=value ...]"


@dataclass
class TeleopConfig(RobotConfig):
    """`RobotConfig`, and whose hand it is. Trials are of training layouts; `out` is the dataset."""

    source: str = option("keyboard", "keyboard, spacemouse, or a file of actions: a motion log (.parquet), a tape (.npz), an array (.npy)")
    trial: int = option(0, "source=FILE: which trial its actions are of")
    sim: bool = option(False, "in simulation instead of on a robot or its twin")


class SimTeleopEnv(SimEnv):
    """The simulation as teleoperation uses it: paced to real time where a person steers."""

    def __init__(self, task: str, paced: bool):
        super().__init__(task)
        self._paced, self._due = paced, time.monotonic()
        self.plan, self.held = self, False

    def known_world(self) -> Any:
        """It is all known."""
        return self.world

    @property
    def action_sent(self) -> NDArray[np.float32]:
        """(10,) float32: the last action as it was executed."""
        return self._action_sent.copy()

    def advance(self, action: NDArray[np.floating]) -> float:
        """One action, in its time."""
        reward = super().advance(action)
        if self._paced:
            self._due = max(self._due + 1 / CONTROL_HZ, time.monotonic() - 1 / CONTROL_HZ)
            time.sleep(max(0.0, self._due - time.monotonic()))
        return reward


def main(argv: list[str]) -> int:
    """Record until the source ends; the exit code: 0, 2 for a mistake or a device in trouble, 130 after Ctrl-C."""
    try:
        if {"-h", "--help"} & set(argv):
            print_help(Console(), USAGE, TeleopConfig, options.ALL_CHOICES)
            return 0
        record(options.load(argv, TeleopConfig))
    except (UsageError, RobotError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the finished episodes are kept", file=sys.stderr)
        return 130
    return 0


def record(config: TeleopConfig) -> None:
    """As many episodes as `trials` says (one of a file), numbered on from those that are there."""
    name = config.only_env()
    root = config.out_dir if config.out else Path("outputs/data") / f"{name}_by_hand"
    live = is_device(config.source)
    actions = None if live else file_actions(Path(config.source))
    with ExitStack() as stack:
        env = stack.enter_context(_env(config, name, live))
        source = open_source(config.source) if live else None
        if source is not None:
            stack.callback(source.close)
            print(KEY_HELP if config.source == "keyboard" else "left button grips, right button ends and keeps")
        taken = slots(root)
        first = taken[-1] + 1 if taken else 0
        for index in range(first, first + (config.trial_count(name) if live else 1)):
            kept, done = episode(env, Trial(name, index if live else config.trial, config.seed, config.split), source, actions, root)  # type: ignore[arg-type]
            Console().print(f"episode {index}: {'kept' if kept else 'dropped'}, {done} of {len(env.task.steps)} steps", highlight=False)
    if slots(root):
        rebuild(root)


def episode(env: Any, trial: Trial, source: Source | None, actions: NDArray[np.float32] | None, root: Path) -> tuple[bool, int]:
    """Record one trial; whether it was kept, and how many steps are done."""
    observation, _ = env.reset(options={"trial": trial})
    recorder = EpisodeRecorder(root, trial, kept=("kept",))
    recorder.start(env)
    keep = True
    for action, wanted, end in _steered(hold_action(observation), source) if source is not None else _replayed(actions):
        env.step_chunk(action[None], on_step=recorder.step)
        keep = wanted
        if end or env.terminated or env.truncated:
            break
    ended = getattr(env, "ended", None)
    recorder.end("kept" if keep and ended is None else "dropped")
    if hasattr(env, "stop"):
        env.stop()
    return keep and ended is None, env.steps_done


def _steered(target: NDArray[np.float32], source: Source) -> Iterator[tuple[NDArray[np.float32], bool, bool]]:
    """Targets that nudges add up to, whether they are worth keeping, and whether this is the last.

    The sum is of what was asked, not of where the arm is: a lagging arm loses nothing of the hand's motion.
    """
    while True:
        nudge = source.next()
        target = nudged(target, nudge)
        yield target, nudge.keep, nudge.end


def _replayed(actions: NDArray[np.float32] | None) -> Iterator[tuple[NDArray[np.float32], bool, bool]]:
    """The actions of a file, all worth keeping."""
    assert actions is not None
    yield from ((action, True, False) for action in actions)


def nudged(target: NDArray[np.float32], nudge: Nudge) -> NDArray[np.float32]:
    """The action (10,) that a nudge makes of the one before."""
    made = target.copy()
    made[ACTION_EE_POS] += nudge.move.astype(np.float32)
    made[ACTION_ROT6D] = rot6d_from_matrix(rotation_matrix(nudge.turn) @ matrix_from_rot6d(target[ACTION_ROT6D]))
    if nudge.grip is not None:
        made[ACTION_GRIPPER] = float(nudge.grip)
    return made


@contextmanager
def _env(config: TeleopConfig, name: str, paced: bool) -> Iterator[Any]:
    if config.sim:
        env = SimTeleopEnv(name, paced)
        try:
            yield env
        finally:
            env.close()
        return
    realtime = replace(config, mode="real_time", clock="real") if paced and config.robot == "twin" else config
    with open_env(realtime, name) as env:
        yield env


if __name__ == "__main__":
    # A script's own folder comes first on the path, where `rig` or `options` would hide modules of those names.
    sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]
    sys.exit(main(sys.argv[1:]))

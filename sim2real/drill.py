"""Everything that can go wrong, once each on the twin, and 10,000 wild chunks at its wire: `python -m sim2real.drill`."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from envs.types import CONTROL_HZ, Trial
from policy.baselines import hold_action
from sim2real.arm import Collision
from sim2real.franka_env import FrankaEnv
from sim2real.outcomes import RobotError
from sim2real.safety import IN_THE_BOX
from sim2real.scripted import ScriptedOperator
from sim2real.twin import faults
from sim2real.twin.clock import MODES
from sim2real.twin.wire import MODE_REFLEX
from sim2real.twin_rig import TwinRig, make_twin_rig

LONG_S = 8.0  # until a fault has to be told
STILL = 2e-3  # rad within 0.3 s
LAG = 0.02  # m by which the hand, which is not stiff, may be outside of the box that its targets stay in

# fault -> outcomes that are right for it; `held` = the trial goes on after the arm was held
EXPECTED: tuple[tuple[faults.Fault, tuple[str, ...]], ...] = (
    (faults.Reflex(), ("reflex",)),
    (faults.UserStop(), ("operator_stop",)),
    (faults.DropCommands(5), ("goes on",)),
    (faults.DropCommands(25), ("reflex",)),
    (faults.LateCommands(2, 100), ("goes on",)),
    (faults.DropStates(5), ("goes on",)),
    (faults.Silence(1.5), ("invalid",)),
    (faults.ConnectionLost(), ("invalid",)),
    (faults.GripperCrcErrors(1), ("goes on", "invalid")),
    (faults.GripperSilent(), ("invalid",)),
    (faults.CameraUnplugged("left"), ("invalid",)),
    (faults.CameraFrozen("wrist"), ("invalid",)),
    (faults.CameraLate("right", 0.4), ("invalid",)),
    (faults.CamerasSwapped("left", "right"), ("invalid",)),
)


@dataclass(frozen=True)
class Drilled:
    """What one fault led to. `next_runs`: the next trial began and moved."""

    fault: str
    outcome: str
    error: str
    still: bool
    next_runs: bool
    right: bool


def drill(env: FrankaEnv, fault: faults.Fault, right: tuple[str, ...]) -> Drilled:
    """Let it happen in the middle of a trial (of swapped cameras: before one)."""
    assert isinstance(env.rig, TwinRig)
    twin, trial = env.rig.twin, Trial(env.task.name, 0)
    outcome, error = "goes on", ""
    try:
        if isinstance(fault, faults.CamerasSwapped):
            twin.inject(fault)
        observation, _ = env.reset(options={"trial": trial})
        action = hold_action(observation)
        for k in range(int(LONG_S * CONTROL_HZ)):
            if k == 5 and not isinstance(fault, faults.CamerasSwapped):
                twin.inject(fault)
            action[0] += 0.004 * np.sin(k / 10)
            _, _, _, truncated, info = env.step(action)
            if truncated:
                outcome, error = info.get("outcome", "timeout"), info.get("error", "")
                break
    except RobotError as raised:
        outcome, error = "invalid", str(raised)
    before = twin.state().joint_pos
    time.sleep(0.3)
    still = outcome == "goes on" or bool(np.abs(twin.state().joint_pos - before).max() < STILL)
    twin.heal()
    if isinstance(fault, faults.UserStop):
        twin.inject(faults.UserStop(False))
    return Drilled(str(fault), outcome, error, still, runs(env, trial), outcome in right)


def runs(env: FrankaEnv, trial: Trial) -> bool:
    """Whether a trial begins and the arm follows in it."""
    try:
        observation, _ = env.reset(options={"trial": trial})
        action = hold_action(observation)
        action[2] += 0.03
        for _ in range(12):
            observation, _, _, truncated, _ = env.step(action)
    except RobotError:
        return False
    return not truncated and float(observation["agent_pos"][9] - action[2]) > -0.01


def wild(env: FrankaEnv, chunks: int, seed: int = 0) -> dict[str, Any]:
    """Random chunks of 1 to 3 actions, among them NaN, jumps and nonsense; what the twin saw of them, by its own account."""
    assert isinstance(env.rig, TwinRig)
    twin, rng, kind = env.rig.twin, np.random.default_rng(seed), env.rig.kind
    low, high = np.array(env.limits.workspace_low) - LAG, np.array(env.limits.workspace_high) + LAG
    found = {"chunks": 0, "actions": 0, "refused": 0, "changed": 0, "out of the joints' limits": 0, "out of the box": 0, "out of the command's limits": 0, "reflexes": 0, "trials": 0}
    trial = 0
    while found["chunks"] < chunks:
        observation, _ = env.reset(options={"trial": Trial(env.task.name, trial % 20)})
        trial, found["trials"], ended = trial + 1, found["trials"] + 1, False
        while not ended and found["chunks"] < chunks:
            found["chunks"] += 1
            for action in _wild_chunk(rng, hold_action(observation)):
                found["actions"] += 1
                try:
                    observation, _, terminated, truncated, _ = env.step(action)
                except ValueError:
                    found["refused"] += 1
                    continue
                state, row = twin.state(), env.executor.rows[-1]
                found["changed"] += bool(row.why)
                found["out of the command's limits"] += bool(np.any(row.command < env.executor.guard.low - 1e-9) or np.any(row.command > env.executor.guard.high + 1e-9))
                found["out of the joints' limits"] += bool(np.any(state.joint_pos < kind.low) or np.any(state.joint_pos > kind.high))
                pos = env.executor.guard.ik.pose(state.joint_pos)[0]
                found["out of the box"] += bool(np.any(pos < low - IN_THE_BOX) or np.any(pos > high + IN_THE_BOX))
                found["reflexes"] += state.robot_mode == MODE_REFLEX
                ended = terminated or truncated
                if ended:
                    break
    return found


def _wild_chunk(rng: np.random.Generator, hold: Any) -> Any:
    """(n, 10): near the arm, anywhere, far outside, or not numbers at all."""
    n = int(rng.integers(1, 4))
    chunk = np.tile(hold, (n, 1)) + rng.normal(0, 1, (n, 10)) * rng.choice([0.01, 0.1, 1.0, 100.0])
    if rng.random() < 0.1:
        chunk[rng.integers(n), rng.integers(10)] = rng.choice([np.nan, np.inf, -np.inf])
    return chunk


def main() -> None:
    """Print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=10_000, help="wild chunks; 0 = none")
    parser.add_argument("--mode", choices=MODES, default="gated", help="of the twin for the faults (late pictures are only late in real_time and lockstep)")
    parser.add_argument("--no-faults", action="store_true", help="only the chunks")
    args = parser.parse_args()
    console = Console()
    if not args.no_faults:
        table = Table("fault", "outcome", "arm still", "next trial", "as documented", "error")
        with _open(args.mode) as env:
            for fault, right in EXPECTED:
                if args.mode == "gated" and isinstance(fault, faults.CameraLate):
                    continue
                d = drill(env, fault, right)
                table.add_row(d.fault, d.outcome, _yes(d.still), _yes(d.next_runs), _yes(d.right), d.error[:90])
                console.print(d.fault, d.outcome, f"still {_yes(d.still)}, next {_yes(d.next_runs)}, right {_yes(d.right)}", d.error[:120], highlight=False)
        console.print(table)
    if args.chunks:
        with _open("gated") as env:
            env.cameras = False
            console.print(wild(env, args.chunks), highlight=False)


class _open:
    """A sort_toys environment on a twin of its own."""

    def __init__(self, mode: Any):
        rig = make_twin_rig("sort_toys", mode, Collision())
        self.env = FrankaEnv(rig, "sort_toys", ScriptedOperator(rig.twin))

    def __enter__(self) -> FrankaEnv:
        return self.env

    def __exit__(self, *_: object) -> None:
        self.env.close()


def _yes(value: bool) -> str:
    return "yes" if value else "NO"


if __name__ == "__main__":
    main()

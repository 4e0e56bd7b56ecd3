"""What a run on a robot depends on: all that a run in simulation does, and which robot, whose hands, which second policy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from envs.types import CAMERAS
from experiments import config as base
from experiments.config import Config
from experiments.errors import UsageError, check_name
from experiments.options import CHOICES, option
from experiments.policies import POLICY_NAMES
from sim2real.safety import SafetyLimits
from sim2real.twin.clock import MODES
from sim2real.twin.robots import ROBOTS

STAGES = ("evaluate", "report")

ROBOT_CHOICES: dict[str, tuple[str, ...]] = {
    "robot": ("twin", "franka"),
    "arm": tuple(ROBOTS),
    "mode": MODES,
    "operator": ("scripted", "page"),
}
ALL_CHOICES = CHOICES | ROBOT_CHOICES | {"stage": STAGES, "against": POLICY_NAMES}


@dataclass
class RobotConfig(Config):
    """`experiments.config.Config` and what only a robot has."""

    robot: str = option("twin", "twin = the task's scene behind the robot's own protocols; franka = the robot")
    arm: str = option("fr3", "whose limits hold; fr3_ideal (twin only) takes any torque jump, panda goes through panda-python")
    mode: str = option("gated", "robot=twin: gated = stands still while the policy thinks, repeatable to the bit; real_time = 1 kHz whatever comes")
    ip: str | None = option(None, "robot=franka: of the control box")
    serials: list[int] = field(default_factory=list, metadata={"help": "robot=franka: of the ZEDs: [left,right,wrist]"})
    gripper_port: str = option("/dev/ttyUSB0", "robot=franka: the Robotiq's serial port")
    operator: str | None = option(None, "who lays out, watches and judges (default: scripted for the twin, page for the robot)")
    page_port: int = option(8090, "operator=page: http://127.0.0.1:8090")
    motion: str = option("smooth", "joint targets are led within a Franka's torque rate; step (twin only) = at once, as the simulation's default")
    speed: float = option(SafetyLimits.speed, "m/s that the hand may go; start low on a robot")
    record: str | None = option(None, "folder of a LeRobot dataset that every trial is recorded into")
    against: str | None = option(None, "a second policy, blind: for each layout both, in an order that is sealed until all are scored")
    against_checkpoint: str | None = option(None, "its weights (default: the shipped ones)")

    @property
    def out_dir(self) -> Path:
        """Folder of the results."""
        if self.out:
            return Path(self.out)
        simulated = super().out_dir
        against = f"-against_{self.against}" if self.against else ""
        return simulated.with_name(f"{self.robot}-{simulated.name}{against}")

    def record_dir(self, env: str) -> Path | None:
        """Dataset that the trials of a task are recorded into."""
        return Path(self.record) / env if self.record and self.is_group else Path(self.record) if self.record else None

    @property
    def operator_name(self) -> str:
        """Who operates."""
        return self.operator or ("scripted" if self.robot == "twin" else "page")

    @property
    def thinking_takes_time(self) -> bool:
        """Whether the world goes on while the policy thinks."""
        return self.real_time or super().thinking_takes_time

    @property
    def real_time(self) -> bool:
        """Whether time goes on while the policy thinks."""
        return self.robot == "franka" or self.mode != "gated"


AnyRobotConfig = TypeVar("AnyRobotConfig", bound=RobotConfig)


def load(overrides: list[str], kind: type[AnyRobotConfig] = RobotConfig) -> AnyRobotConfig:
    """The configuration that `key=value` overrides ask for; `kind`: one with more fields than `RobotConfig`.

    Raises:
        UsageError: an unknown key or value, one of the wrong type, or values that contradict each other.
    """
    config = base.load(overrides, kind)
    for key, known in ROBOT_CHOICES.items():
        if getattr(config, key) is not None:
            check_name(getattr(config, key), known, key)
    if config.against is not None:
        check_name(config.against, POLICY_NAMES, "against")
    _check(config)
    return replace(config, clock="real") if config.real_time else config


def _check(config: RobotConfig) -> None:
    if config.stage not in STAGES:
        raise UsageError(f"stage={config.stage} is not done on a robot; expected one of {', '.join(STAGES)}")
    if config.clock not in ("stepped", "real") and config.real_time:
        raise UsageError(f"clock={config.clock}: in real time thinking takes what it takes; use robot=twin mode=gated, or leave it out")
    if config.clock == "real" and not config.real_time:
        raise UsageError("clock=real: a gated twin stands still meanwhile; use mode=real_time, or clock=200ms")
    if not 0 < config.speed <= 2:
        raise UsageError(f"speed={config.speed}; expected m/s above 0, at most 2")
    if config.against is not None and (config.against, config.against_checkpoint) == (config.policy, config.checkpoint):
        raise UsageError(f"against={config.against} is the same policy; give another one, or against_checkpoint=")
    if config.robot == "franka":
        _check_franka(config)


def _check_franka(config: RobotConfig) -> None:
    if config.ip is None or len(config.serials) != len(CAMERAS):
        raise UsageError(f"robot=franka needs ip=... and serials=[{','.join(CAMERAS)}], the three ZEDs' serial numbers (ZED_Explorer --all lists them)")
    if config.operator_name == "scripted":
        raise UsageError("operator=scripted knows a twin's state; on the robot a person judges: operator=page")
    if config.motion != "smooth":
        raise UsageError(f"motion={config.motion} asks for torque jumps that a Franka stops at; expected motion=smooth")
    if config.arm == "fr3_ideal":
        raise UsageError("arm=fr3_ideal is a twin's; expected arm=fr3 or arm=panda")
    for policy in filter(None, (config.policy, config.against)):
        if policy == "expert":
            raise UsageError("policy=expert acts on the simulator's state, which a robot does not have; use it with robot=twin")
    if config.shift != "none":
        raise UsageError(f"shift={config.shift} is drawn by the simulation; on the robot change the scene by hand and say so in the notes")

"""What a configuration asks for, put together: the rig, the operator, the environment, the policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from envs.motion import MOTIONS
from envs.types import CAMERAS, Policy
from sim2real.cameras import Cameras
from sim2real.drivers import connect
from sim2real.franka_env import FrankaEnv
from sim2real.gripper import RobotiqGripper
from sim2real.operators import Operator
from sim2real.options import RobotConfig
from sim2real.privileged import TwinExpert
from sim2real.rig import Rig, WallClock
from sim2real.safety import SafetyLimits
from sim2real.scripted import ScriptedOperator
from sim2real.twin.robots import ROBOTS
from sim2real.twin_rig import TwinRig, make_twin_rig
from sim2real.zed import ZedCamera, load_sl


@contextmanager
def open_env(config: RobotConfig, task: str) -> Iterator[FrankaEnv]:
    """The environment of one task; stopped and closed at the end, whatever happens."""
    limits = SafetyLimits(speed=config.speed)
    rig = make_twin_rig(task, config.mode, limits.collision, config.arm, config.motion) if config.robot == "twin" else make_franka_rig(config, limits)  # type: ignore[arg-type]
    env: FrankaEnv | None = None
    operator: Any = None
    try:
        operator = make_operator(config, rig)
        env = FrankaEnv(rig, task, operator, limits, config.motion)
        yield env
    finally:
        if operator is not None:
            operator.close()
        (env or rig).close()


def make_operator(config: RobotConfig, rig: Rig) -> Operator:
    """Who operates."""
    if config.operator_name == "page":
        from sim2real.page import PageOperator

        return PageOperator(config.page_port, blind=config.against is not None)
    assert isinstance(rig, TwinRig)
    return ScriptedOperator(rig.twin)


def make_policy(env: FrankaEnv, name: str, make: Callable[[Any], Policy]) -> Policy:
    """The policy; the expert needs the twin's state."""
    return TwinExpert(env) if name == "expert" else make(env)


def make_franka_rig(config: RobotConfig, limits: SafetyLimits) -> Rig:
    """The real arm, gripper and cameras.

    Raises:
        RobotError: one of them does not answer.
    """
    assert config.ip
    sl = load_sl()
    kind = ROBOTS[config.arm]
    arm, driver = connect(config.ip, kind, limits.collision, MOTIONS[config.motion])
    try:
        gripper = RobotiqGripper(config.gripper_port)
    except BaseException:
        arm.close()
        raise
    cameras = Cameras({name: ZedCamera(sl, name, serial) for name, serial in zip(CAMERAS, config.serials, strict=True)})
    versions = {"robot": config.arm, driver: version(driver), "pyrobotiqgripper": version("pyrobotiqgripper"), "zed_sdk": sl.Camera().get_sdk_version()}
    return Rig("franka", arm, kind, gripper, cameras, WallClock(), versions=versions)

"""How arm and gripper answer a command: the parameters that identification finds, and the simulation that they go into."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mujoco

from envs.robot import ARM_JOINTS, ARMATURE, DAMPING_RATIO, GRIPPER_ACTUATOR, STIFFNESS, robot_spec
from envs.scenes.scene import TIMESTEP

Seven = tuple[float, ...]


@dataclass(frozen=True)
class Dynamics:
    """Per joint, in joint order: the servo's torque is stiffness (target - pos) - damping vel, limited.

    `stiffness` Nm/rad, `damping` Nms/rad, `frictionloss` Nm (dry), `armature` kg m2 (the rotor, through the gear). What the
    joint damps of itself cannot be told from the servo's damping and stays in the model. `delay_s`: from a target's being
    sent to its effect. `gripper_damping` Nms/rad of the knuckle: with the limited torque it decides the closing speed.
    """

    stiffness: Seven
    damping: Seven
    frictionloss: Seven
    armature: Seven
    delay_s: float
    gripper_damping: float
    gripper_delay_s: float

    def apply(self, model: mujoco.MjModel) -> None:
        """Changes the joints and servos of a compiled model that has the arm, the gripper, or both.

        The delays are not the model's: they belong to whoever hands the commands over.
        """
        names = {model.actuator(i).name for i in range(model.nu)}
        for i, name in enumerate(n for n in ARM_JOINTS if n in names):
            servo, dof = model.actuator(name).id, model.joint(name).dofadr[0]
            model.dof_frictionloss[dof], model.dof_armature[dof] = self.frictionloss[i], self.armature[i]
            model.actuator_gainprm[servo, 0] = self.stiffness[i]
            model.actuator_biasprm[servo, 1:3] = -self.stiffness[i], -self.damping[i]
        if GRIPPER_ACTUATOR in names:
            model.actuator_biasprm[model.actuator(GRIPPER_ACTUATOR).id, 2] = -self.gripper_damping
        mujoco.mj_setConst(model, mujoco.MjData(model))  # what MuJoCo derives from inertia and armature

    def write(self, path: Path) -> None:
        """As JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def nominal() -> Dynamics:
    """What the simulation assumes (envs/robot.py), without delay."""
    gripper = -float(robot_spec().actuator(GRIPPER_ACTUATOR).biasprm[2])
    damping = tuple(2 * k**0.5 * r for k, r in zip(STIFFNESS, DAMPING_RATIO, strict=True))
    friction = tuple(float(robot_spec().joint(j).frictionloss) for j in ARM_JOINTS)
    return Dynamics(STIFFNESS, damping, friction, (ARMATURE,) * 7, 0.0, gripper, 0.0)


def read(path: Path) -> Dynamics:
    """Dynamics from a file.

    Raises:
        ValueError: the file holds none.
    """
    try:
        values = json.loads(path.read_text())
        found: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return Dynamics(**found)
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{path} holds no dynamics ({error}); `python -m sim2real.identification fit` writes them") from error


def arm_model(timestep: float = TIMESTEP) -> mujoco.MjModel:
    """The arm with its gripper welded open: seven joints, no contacts."""
    spec = robot_spec()
    for equality in list(spec.equalities):
        spec.delete(equality)
    spec.delete(spec.actuator(GRIPPER_ACTUATOR))
    for name in {j.name for j in spec.joints} - set(ARM_JOINTS):
        spec.delete(spec.joint(name))
    return _compiled(spec, timestep)


def gripper_model(timestep: float = TIMESTEP) -> mujoco.MjModel:
    """The gripper with the arm welded: one driven knuckle and what follows it."""
    spec = robot_spec()
    for name in ARM_JOINTS:
        spec.delete(spec.actuator(name))
        spec.delete(spec.joint(name))
    return _compiled(spec, timestep)


def _compiled(spec: mujoco.MjSpec, timestep: float) -> mujoco.MjModel:
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_CONTACT)
    spec.option.timestep = timestep
    return spec.compile()

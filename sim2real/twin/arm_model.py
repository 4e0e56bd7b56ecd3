"""The scene's arm as Franka's software wants it: frames from the flange on, masses, an URDF, and poses at any joints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs.ik import IK
from envs.robot import ARM_JOINTS, EE_SITE
from sim2real.twin.robots import TORQUE, RobotKind

Matrix = NDArray[np.float64]

FLANGE = 0.107  # m beyond link7's origin along its z (Franka Control Interface documentation, Denavit-Hartenberg table)
LINKS = tuple(f"link{i}" for i in range(1, 8))
HAND = "right_hand"  # what the flange carries, in robosuite's words


@dataclass(frozen=True)
class EndEffector:
    """What Desk would be told about the gripper: `flange_to_ee` (4, 4), kg, centre of mass (3,) m and inertia (3, 3) kg m^2 there.

    `flange_to_ee` maps points of the ee frame, midway between the finger pads, into the flange's frame.
    """

    flange_to_ee: Matrix
    mass: float
    com: Matrix
    inertia: Matrix


class ArmModel:
    """Forward kinematics and Jacobians of the scene's arm at any joint positions, apart from the scene's own state."""

    def __init__(self) -> None:
        self._ik = IK()
        self.model, self._data = self._ik.model, self._ik.data
        self._site = self.model.site(EE_SITE).id
        self._body = int(self.model.site_bodyid[self._site])
        self._dof = np.array([self.model.joint(j).dofadr[0] for j in ARM_JOINTS])
        self._jac = np.zeros((6, self.model.nv))

    def pose(self, joint_pos: Matrix) -> Matrix:
        """(4, 4) ee_to_base at these joints (7,) rad."""
        pos, mat = self._ik.pose(joint_pos)
        return homogeneous(pos, mat)

    def jacobian(self, joint_pos: Matrix, ee_to_frame: Matrix) -> tuple[Matrix, Matrix]:
        """(4, 4) frame_to_base and (6, 7) its velocity over the joints', of a frame that is fixed to the hand."""
        frame = self.pose(joint_pos) @ ee_to_frame
        mujoco.mj_comPos(self.model, self._data)
        mujoco.mj_jac(self.model, self._data, self._jac[:3], self._jac[3:], frame[:3, 3], self._body)
        return frame, self._jac[:, self._dof]

    @property
    def limits(self) -> tuple[Matrix, Matrix]:
        """Lowest and highest joint positions (7,) rad of the scene's arm."""
        low, high = np.array([self.model.joint(j).range for j in ARM_JOINTS]).T
        return low, high


def homogeneous(pos: Matrix, mat: Matrix) -> Matrix:
    """(4, 4) of a position (3,) and a rotation (3, 3)."""
    out = np.eye(4)
    out[:3, 3], out[:3, :3] = pos, mat
    return out


@cache
def end_effector() -> EndEffector:
    """The hand and the open gripper of the scene."""
    arm = ArmModel()
    model, data = arm.model, mujoco.MjData(arm.model)
    mujoco.mj_forward(model, data)
    link7 = model.body(LINKS[-1]).id
    link7_to_base = homogeneous(data.xpos[link7], data.xmat[link7].reshape(3, 3))
    flange_to_base = link7_to_base @ homogeneous(np.array([0, 0, FLANGE]), np.eye(3))
    site = model.site(EE_SITE).id
    ee_to_base = homogeneous(data.site_xpos[site], data.site_xmat[site].reshape(3, 3))
    into_flange = np.linalg.inv(flange_to_base)
    hand = model.body(HAND).id
    parts = [b for b in range(model.nbody) if _is_under(model, b, hand)]
    mass = float(model.body_mass[parts].sum())
    com = sum(model.body_mass[b] * data.xipos[b] for b in parts) / mass
    inertia = np.zeros((3, 3))
    for b in parts:
        turn, away = data.ximat[b].reshape(3, 3), data.xipos[b] - com
        inertia += turn @ np.diag(model.body_inertia[b]) @ turn.T
        inertia += model.body_mass[b] * (away @ away * np.eye(3) - np.outer(away, away))
    rotation = into_flange[:3, :3]
    return EndEffector(into_flange @ ee_to_base, mass, (into_flange @ np.r_[com, 1])[:3], rotation @ inertia @ rotation.T)


def _is_under(model: mujoco.MjModel, body: int, root: int) -> bool:
    while body > root:
        body = int(model.body_parentid[body])
    return body == root


def urdf(robot: RobotKind) -> str:
    """The arm without hand, as the robot serves it to libfranka since version 8 of the interface.

    libfranka finds the joints by "joint1" ... "joint7" somewhere in their names, so that no finger joint may be here; the
    frame that is named "link8" is the flange.
    """
    model = ArmModel().model
    links = ['<link name="link0"/>']
    joints = []
    for i, name in enumerate(LINKS):
        body = model.body(name)
        turn = np.zeros(9)
        mujoco.mju_quat2Mat(turn, body.iquat)
        inertia = turn.reshape(3, 3) @ np.diag(body.inertia) @ turn.reshape(3, 3).T
        entries = " ".join(
            f'i{a}{b}="{_number(inertia["xyz".index(a), "xyz".index(b)])}"' for a, b in ("xx", "xy", "xz", "yy", "yz", "zz")
        )
        links.append(
            f'<link name="{name}"><inertial><origin rpy="0 0 0" xyz="{_numbers(body.ipos)}"/>'
            f'<mass value="{_number(body.mass[0])}"/><inertia {entries}/></inertial></link>'
        )
        offset, braking = robot.braking[i]
        joints.append(
            f'<joint name="{robot.name}_joint{i + 1}" type="revolute">'
            f'<origin rpy="{_numbers(_rpy(body.quat))}" xyz="{_numbers(body.pos)}"/>'
            f'<parent link="link{i}"/><child link="{name}"/><axis xyz="0 0 1"/>'
            f'<limit effort="{TORQUE[i]}" lower="{robot.low[i]}" upper="{robot.high[i]}" velocity="{robot.velocity[i]}"/>'
            f'<position_based_velocity_limits velocity_offset="{offset}" deceleration_limit="{braking}"/></joint>'
        )
    links.append('<link name="link8"/>')
    joints.append(
        f'<joint name="{robot.name}_joint8" type="fixed"><origin rpy="0 0 0" xyz="0 0 {FLANGE}"/>'
        '<parent link="link7"/><child link="link8"/></joint>'
    )
    return f'<?xml version="1.0" ?><robot name="{robot.name}">{"".join(links + joints)}</robot>'


def _rpy(quat: Matrix) -> Matrix:
    """Roll, pitch, yaw (3,) rad of a quaternion wxyz, turned about fixed x, then y, then z."""
    flat = np.zeros(9)
    mujoco.mju_quat2Mat(flat, quat)
    m = flat.reshape(3, 3)
    return np.array([np.arctan2(m[2, 1], m[2, 2]), -np.arcsin(np.clip(m[2, 0], -1, 1)), np.arctan2(m[1, 0], m[0, 0])])


def _number(value: float) -> str:
    return format(float(value), ".9g")


def _numbers(values: Matrix) -> str:
    return " ".join(map(_number, values))

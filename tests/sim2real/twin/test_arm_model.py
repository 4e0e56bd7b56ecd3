from __future__ import annotations

import ctypes
from xml.etree import ElementTree

import mujoco
import numpy as np
import pytest

from envs.ik import IK
from envs.robot import HOME_QPOS
from sim2real.twin.arm_model import FLANGE, LINKS, ArmModel, end_effector, urdf
from sim2real.twin.model_library import model_library
from sim2real.twin.robots import FR3

Q = np.add(HOME_QPOS, [0.3, -0.2, 0.4, 0.1, -0.5, 0.2, 0.6])
POINTER = ctypes.POINTER(ctypes.c_double)


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> ctypes.CDLL:
    path = tmp_path_factory.mktemp("model") / "model.so"
    path.write_bytes(model_library())
    return ctypes.CDLL(str(path))


def call(function, count: int, *arguments) -> np.ndarray:
    out = np.zeros(count)
    arrays = [np.ascontiguousarray(a, float) if not isinstance(a, float) else a for a in arguments]
    function(*(ctypes.c_double(a) if isinstance(a, float) else a.ctypes.data_as(POINTER) for a in arrays), out.ctypes.data_as(POINTER))
    return out


def flange_to_ee() -> np.ndarray:
    return end_effector().flange_to_ee.ravel("F")


def test_a_jacobian_is_the_derivative_of_the_pose():
    arm, step = ArmModel(), 1e-6
    _, jac = arm.jacobian(Q, np.eye(4))
    for i in range(7):
        ahead, behind = arm.pose(Q + step * np.eye(7)[i]), arm.pose(Q - step * np.eye(7)[i])
        assert (ahead - behind)[:3, 3] / (2 * step) == pytest.approx(jac[:3, i], abs=1e-6)


def test_the_urdf_has_seven_joints_an_exact_flange_and_no_finger():
    root = ElementTree.fromstring(urdf(FR3))
    joints = [j for j in root.findall("joint") if j.attrib["type"] == "revolute"]
    assert [f"joint{i + 1}" in j.attrib["name"] for i, j in enumerate(joints)] == [True] * 7
    assert all(j.find("position_based_velocity_limits") is not None for j in joints)
    assert [link.attrib["name"] for link in root.findall("link")] == ["link0", *LINKS, "link8"]
    assert not root.attrib["name"].startswith("tmr")
    assert "finger" not in urdf(FR3)


def test_the_model_library_puts_the_ee_where_the_scene_does(library):
    pose = call(library.O_T_J9, 16, Q, flange_to_ee()).reshape(4, 4, order="F")
    pos, mat = IK().pose(Q)
    assert pose[:3, 3] == pytest.approx(pos, abs=1e-9)
    assert pose[:3, :3] == pytest.approx(mat, abs=1e-9)


def test_the_flange_is_107_mm_beyond_the_last_joint(library):
    last, flange = (call(function, 16, Q).reshape(4, 4, order="F") for function in (library.O_T_J7, library.O_T_J8))
    assert np.linalg.inv(last) @ flange == pytest.approx(np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, FLANGE], [0, 0, 0, 1]]))


def test_the_librarys_jacobians_are_the_scenes_and_each_others(library):
    frame, jac = ArmModel().jacobian(Q, np.eye(4))
    base = call(library.O_J_J9, 42, Q, flange_to_ee()).reshape(6, 7, order="F")
    body = call(library.Ji_J_J9, 42, Q, flange_to_ee()).reshape(6, 7, order="F")
    assert base == pytest.approx(jac, abs=1e-9)
    assert body[:3] == pytest.approx(frame[:3, :3].T @ base[:3], abs=1e-9)
    assert body[3:] == pytest.approx(frame[:3, :3].T @ base[3:], abs=1e-9)
    assert call(library.O_J_J3, 42, Q).reshape(6, 7, order="F")[:, 3:] == pytest.approx(np.zeros((6, 4)))


def test_the_librarys_dynamics_are_mujocos(library):
    """Of the arm with the hand as its load, fingers locked: mass matrix without armature, Coriolis and gravity torques."""
    model = ArmModel().model
    model = mujoco.MjModel.from_xml_string(_locked_arm(model))
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:] = Q, np.linspace(-1, 1, 7)
    mujoco.mj_forward(model, data)
    hand = end_effector()
    load = (hand.inertia.ravel(), hand.mass, hand.com)
    mass = call(library.M_NE, 49, Q, *load).reshape(7, 7)
    column = np.zeros(7)
    for i in range(7):
        mujoco.mj_mulM(model, data, column, np.eye(7)[i])
        assert mass[i] == pytest.approx(column, abs=1e-6)
    gravity = call(library.g_NE, 7, Q, np.array([0, 0, -9.81]), hand.mass, hand.com)
    coriolis = call(library.c_NE, 7, Q, data.qvel, *load)
    assert gravity + coriolis == pytest.approx(data.qfrc_bias, abs=1e-6)


def _locked_arm(model: mujoco.MjModel) -> str:
    """An MJCF of the arm's own bodies and its hand as one body, without actuators, armature or damping."""
    text, close = "", ""
    for name in LINKS:
        body = model.body(name)
        text += (
            f'<body pos="{_s(body.pos)}" quat="{_s(body.quat)}"><joint axis="0 0 1"/>'
            f'<inertial pos="{_s(body.ipos)}" quat="{_s(body.iquat)}" mass="{body.mass[0]}" diaginertia="{_s(body.inertia)}"/>'
        )
        close += "</body>"
    hand = end_effector()
    i = hand.inertia
    full = _s(np.array([i[0, 0], i[1, 1], i[2, 2], i[0, 1], i[0, 2], i[1, 2]]))
    text += f'<body pos="0 0 {FLANGE}"><inertial pos="{_s(hand.com)}" mass="{hand.mass}" fullinertia="{full}"/></body>'
    return f'<mujoco><compiler angle="radian"/><option gravity="0 0 -9.81"/><worldbody>{text}{close}</worldbody></mujoco>'


def _s(values: np.ndarray) -> str:
    return " ".join(repr(float(v)) for v in values)

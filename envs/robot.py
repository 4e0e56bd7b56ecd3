"""The arm: a Franka Panda with a Robotiq 2F-85 whose jaws stay parallel, joint impedance control, a wrist frame.

World frame = robot base frame: the base stands at the origin, the table top is z = 0.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np

from envs import assets
from envs.looks import COLLISION_GROUP

ARM_JOINTS = tuple(f"joint{i}" for i in range(1, 8))
GRIPPER_JOINT = "finger_joint"
GRIPPER_ACTUATOR = "gripper"
GRIPPER_MAX = 0.8  # rad of the knuckle: pads together (0: 85 mm apart)
EE_SITE = "ee"
ROBOT_ROOT = "robot"  # every body of arm and gripper has this root
FINGER_BODIES = tuple(  # the bodies of each finger, for contacts
    (f"{side}_outer_knuckle", f"{side}_inner_knuckle", f"{side}_inner_finger") for side in ("left", "right")
)
HAND_BODY = "robotiq_85_adapter_link"  # z: approach, y: opening of the fingers

# Fingers straight down at (0.47, 0, 0.28), opening along y (tests/envs/test_robot.py holds it to 0.1 mm).
HOME_QPOS = np.array([0.0, -0.206511, 0.0, -2.359888, 0.0, 2.153377, 0.785883])
HOME_QPOS.setflags(write=False)

# Joint impedance, Nm/rad and Nms/rad, and the Panda's torque limits in Nm (Franka Control Interface documentation).
STIFFNESS = (800.0, 800.0, 800.0, 800.0, 400.0, 400.0, 200.0)
DAMPING_RATIO = (1.2, 1.2, 1.0, 1.0, 0.6, 0.4, 0.3)
TORQUE_LIMIT = (87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0)
ARMATURE = 0.1

GRIPPER_STIFFNESS = 20.0  # Nm/rad
GRIPPER_TORQUE = 3.0  # Nm on the knuckle; the grip force that follows is measured in tests/envs/test_gripper.py
PAD_FRICTION = (1.5, 0.02, 0.0001)  # sliding, torsional, rolling
PAD_HALF, PAD_Z = (0.011, 0.003, 0.01875), 0.03242  # m; its place along the finger
# MuJoCo's contacts forget: while the hand swings, a held object creeps by (centripetal acceleration) x (time constant).
# As stiff as the timestep allows (twice 1/300 s), carrying at 0.4 m/s creeps below 0.3 mm/s; the default, 1 mm/s.
PAD_SOLREF = (0.0067, 1.0)
ARM_KEEP, FINGER_KEEP = 0.12, 0.35  # share of faces kept when light; the wrist camera looks at the fingers

SITE_GROUP = 4  # a group that the renderer leaves out
_MIMIC = {  # joint -> sign of the knuckle's angle that it follows
    "left_inner_knuckle_joint": 1.0,
    "right_inner_knuckle_joint": 1.0,
    "right_outer_knuckle_joint": 1.0,
    "left_inner_finger_joint": -1.0,
    "right_inner_finger_joint": -1.0,
}


def robot_spec(light: bool = True) -> mujoco.MjSpec:
    """The robot alone, base at the world origin: what a scene starts from and adds its table and objects to.

    Actuators: the seven of the arm in joint order, then the gripper (rad of the knuckle, 0 open). `light`: visual
    meshes decimated, for a CPU to draw; nothing that moves or collides depends on it.
    """
    return _template(light).copy()


@cache
def _template(light: bool) -> mujoco.MjSpec:
    spec = mujoco.MjSpec.from_string(_merged_xml())
    for body in spec.bodies:
        body.gravcomp = 1
    for geom in spec.geoms:
        if geom.contype or geom.conaffinity:
            # Meets everything else but never itself: contype 1 needs a conaffinity 1 on the other side.
            geom.contype, geom.conaffinity, geom.group = 1, 0, COLLISION_GROUP
    _set_up_arm(spec)
    _set_up_gripper(spec)
    if light:
        _lighten(spec)
    return spec


def _merged_xml() -> str:
    """robosuite's Panda with its 2F-85 in the hand, as one MJCF with absolute mesh paths."""
    folder = assets.root()
    panda = ElementTree.parse(folder / "robots/panda/robot.xml").getroot()
    gripper = ElementTree.parse(folder / "grippers/robotiq_gripper_85.xml").getroot()
    panda_assets, gripper_assets = _child(panda, "asset"), _child(gripper, "asset")
    for mesh in panda_assets.findall("mesh"):
        mesh.set("file", str(folder / "robots/panda" / mesh.attrib["file"]))
    for mesh in gripper_assets.findall("mesh"):
        # One mesh is named in the file but not shipped, under a name used twice.
        if not mesh.attrib["file"].endswith("base_link_vis.stl"):
            mesh.set("file", str(folder / "grippers" / mesh.attrib["file"]))
            panda_assets.append(mesh)
    _child(panda, "worldbody/body").set("name", ROBOT_ROOT)
    _child(panda, ".//body[@name='right_hand']").append(_child(gripper, "worldbody/body"))
    for parent in list(panda.iter()):  # the files' own cameras and markers
        for child in [c for c in parent if c.tag in ("camera", "site")]:
            parent.remove(child)
    return ElementTree.tostring(panda, encoding="unicode")


def _child(element: ElementTree.Element, path: str) -> ElementTree.Element:
    child = element.find(path)
    if child is None:
        raise ValueError(f"robosuite's robot files have no {path!r}; these are written for robosuite 1.5.2")
    return child


def _set_up_arm(spec: mujoco.MjSpec) -> None:
    for i, joint in enumerate(ARM_JOINTS):
        spec.joint(joint).armature = ARMATURE
        motor, kp = spec.actuators[i], STIFFNESS[i]
        motor.set_to_position(kp=kp, kv=2 * np.sqrt(kp) * DAMPING_RATIO[i])
        motor.name, motor.ctrllimited = joint, 0
        motor.forcelimited, motor.forcerange = 1, [-TORQUE_LIMIT[i], TORQUE_LIMIT[i]]


def _set_up_gripper(spec: mujoco.MjSpec) -> None:
    """Joint equalities instead of the file's soft tendons, which fail to grasp on MuJoCo >= 3.8."""
    for name in (GRIPPER_JOINT, *_MIMIC):
        joint = spec.joint(name)
        joint.damping, joint.armature = [0.1, 0, 0], 0.005
    for name, sign in _MIMIC.items():
        equality = spec.add_equality(
            type=mujoco.mjtEq.mjEQ_JOINT, objtype=mujoco.mjtObj.mjOBJ_JOINT, name1=name, name2=GRIPPER_JOINT
        )
        equality.data[:5] = [0, sign, 0, 0, 0]
        equality.solref[:] = [0.005, 1]
        equality.solimp[:3] = [0.95, 0.99, 0.001]
    motor = spec.add_actuator(name=GRIPPER_ACTUATOR, target=GRIPPER_JOINT, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    motor.set_to_position(kp=GRIPPER_STIFFNESS, kv=1.0)
    motor.ctrllimited, motor.ctrlrange = 1, [0, GRIPPER_MAX]
    motor.forcelimited, motor.forcerange = 1, [-GRIPPER_TORQUE, GRIPPER_TORQUE]
    for side in ("left", "right"):
        # One thick pad stands for fingertip and pad, whose faces differ by 0.3 mm and would both be in contact.
        tip, pad = (spec.geom(f"{side}_{part}_collision") for part in ("fingertip", "fingerpad"))
        tip.contype = tip.conaffinity = 0
        pad.size, pad.pos = PAD_HALF, [0, -0.02552 + PAD_HALF[1], PAD_Z]
        pad.friction, pad.condim, pad.priority, pad.solref = PAD_FRICTION, 4, 1, PAD_SOLREF
    # Midway between the pads when open: knuckle offset + finger offset + pad offset along the approach.
    spec.body(HAND_BODY).add_site(name=EE_SITE, pos=[0, 0, 0.054904 + 0.043 + PAD_Z], group=SITE_GROUP)


def _lighten(spec: mujoco.MjSpec) -> None:
    """Replaces the visual meshes by decimated ones, one geom per body and colour instead of up to 17 a link."""
    for body in spec.bodies:
        groups: dict[tuple[float, ...], list[mujoco.MjsGeom]] = defaultdict(list)
        for geom in body.geoms:
            if geom.type == mujoco.mjtGeom.mjGEOM_MESH and not geom.contype:
                groups[_colour(spec, geom)].append(geom)
        for colour, geoms in groups.items():
            first = spec.mesh(geoms[0].meshname)
            keep = FINGER_KEEP if first.scale[0] != 1 else ARM_KEEP  # the fingers' files are in millimetres
            placed = [g for g in geoms if np.any(g.pos)]
            for i, members in enumerate([[g for g in geoms if g not in placed], *([g] for g in placed)]):
                if not members:
                    continue
                files = [Path(spec.mesh(g.meshname).file) for g in members]
                name = f"{body.name}_{'_'.join(f'{round(c * 255):02x}' for c in colour[:3])}_{i}"
                spec.add_mesh(name=name, file=str(assets.light_mesh(files, keep)), scale=first.scale)
                body.add_geom(
                    type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, rgba=colour, pos=members[0].pos, contype=0,
                    conaffinity=0, group=1, mass=0,
                )  # fmt: skip
        for geom in [g for geoms in groups.values() for g in geoms]:
            spec.delete(geom)
    used = {g.meshname for g in spec.geoms}
    for mesh in [m for m in spec.meshes if m.name not in used]:
        spec.delete(mesh)


def _colour(spec: mujoco.MjSpec, geom: mujoco.MjsGeom) -> tuple[float, ...]:
    material = spec.material(geom.material) if geom.material else None
    rgba = material.rgba if material is not None else geom.rgba
    return tuple(float(round(c, 2)) for c in rgba)

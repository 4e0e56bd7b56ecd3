"""The gripper by itself, before any task rests on it: opening, closing time, force, and every toy held for ten seconds."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from numpy.typing import ArrayLike

from envs.ik import IK
from envs.layout import Layout, Placed
from envs.objects import KINDS as ALL_KINDS
from envs.objects import lid_box, toys
from envs.objects.kind import LOW_GRASP
from envs.robot import EE_SITE, FINGER_BODIES, GRIPPER_JOINT, GRIPPER_MAX, GRIPPER_TORQUE, HOME_QPOS
from envs.scenes import SCENES

KINDS = {kind.name: kind for kind in toys.KINDS}
SPOT = np.array([0.50, 0.0])  # m, where the object stands
SUBSTEPS, HZ = 20, 15
FROM_ABOVE = ("animal", "ball", "block", "doll", "fruit", "lid", "soap", "toothpaste")  # categories
WIDE, WIDE_REACH = ("card", "food"), 0.0285  # 56 mm or more: the fingertips meet their sides at most so far below the ee, m


class Rig:
    """The arm over one object, driven by ee targets at 15 Hz with the fingers pointing down."""

    def __init__(self, kind: str | None = None):
        objects = (Placed("toy", kind, (0.50, 0.0), 0.0),) if kind else ()
        self.model = SCENES["toy"].build(Layout(objects)).compile()
        self.data = mujoco.MjData(self.model)
        self.ik = IK()
        self.pos, self.mat = self.ik.pose(HOME_QPOS)
        self.command = HOME_QPOS.copy()
        self.data.qpos[:7] = self.data.ctrl[:7] = HOME_QPOS
        self.fingers = [{self.model.body(b).id for b in bodies} for bodies in FINGER_BODIES]
        self.ee = self.model.site(EE_SITE).id
        self.hold(0.0, 5)

    def hold(self, closed: float, steps: int) -> None:
        self.move(self.pos, closed, steps)

    def move(self, target: ArrayLike, closed: float, steps: int) -> None:
        """Goes to `target` (3,) m in `steps` control steps, slow at both ends."""
        start = self.pos.copy()
        for i in range(steps):
            s = (i + 1) / steps
            self.pos = start + (np.asarray(target, float) - start) * s * s * (3 - 2 * s)
            self.command = self.ik.step(self.command, self.pos, self.mat)
            self.data.ctrl[:7], self.data.ctrl[7] = self.command, GRIPPER_MAX * closed
            mujoco.mj_step(self.model, self.data, nstep=SUBSTEPS)

    def opening(self) -> float:
        """m between the faces of the pads."""
        ids = [self.model.geom(f"{side}_fingerpad_collision").id for side in ("left", "right")]
        apart = self.data.geom_xpos[ids[0]] - self.data.geom_xpos[ids[1]]
        return float(np.linalg.norm(apart)) - 2 * float(self.model.geom_size[ids[0], 1])

    def clearance(self) -> float:
        """m between the table and the lowest fingertip."""
        pads = [self.model.geom(f"{side}_fingerpad_collision").id for side in ("left", "right")]
        return min(float(self.data.geom_xpos[i][2] - np.abs(self.data.geom_xmat[i][6:]) @ self.model.geom_size[i]) for i in pads)

    def grip_forces(self) -> list[float]:
        """N, of each finger on the toy, normal to the contact."""
        forces, out = [0.0, 0.0], np.zeros(6)
        toy = self.model.body("toy").id
        for i in range(self.data.ncon):
            bodies = set(self.model.geom_bodyid[self.data.contact.geom[i]])
            if toy in bodies:
                mujoco.mj_contactForce(self.model, self.data, i, out)
                for side, finger in enumerate(self.fingers):
                    forces[side] += out[0] if bodies & finger else 0.0
        return forces

    def toy_in_hand(self) -> np.ndarray:
        """(3,) m: the toy in the ee frame."""
        rotation = self.data.site_xmat[self.ee].reshape(3, 3)
        return rotation.T @ (self.data.body("toy").xpos - self.data.site_xpos[self.ee])

    def turn_in_hand(self) -> np.ndarray:
        """(3, 3) toy_to_ee."""
        return self.data.site_xmat[self.ee].reshape(3, 3).T @ self.data.body("toy").xmat.reshape(3, 3)


def grasped(kind: str) -> Rig:
    rig = Rig(kind)
    rig.move([*SPOT, 0.15], 0.0, 20)
    rig.move([*SPOT, KINDS[kind].grasp_height], 0.0, 20)
    rig.hold(0.0, 5)
    rig.hold(1.0, 12)
    return rig


def test_the_open_gripper_is_85_mm_wide():
    assert Rig().opening() == pytest.approx(0.085, abs=0.004)  # published stroke of the 2F-85


def test_the_gripper_closes_in_less_than_a_second_and_opens_again():
    rig = Rig()
    seconds = 0
    while rig.opening() > 0.002:
        rig.hold(1.0, 1)
        seconds += 1 / HZ
        assert seconds < 1
    rig.hold(0.0, HZ)
    assert rig.opening() == pytest.approx(0.085, abs=0.004)


def test_both_fingers_close_alike_and_the_pads_stay_parallel():
    rig = Rig()
    rig.hold(0.5, HZ)
    knuckle = rig.data.joint(GRIPPER_JOINT).qpos[0]
    pads = [rig.data.geom(f"{side}_fingerpad_collision") for side in ("left", "right")]
    assert rig.data.joint("right_outer_knuckle_joint").qpos[0] == pytest.approx(knuckle, abs=0.01)
    assert abs(pads[0].xmat.reshape(3, 3)[:, 1] @ pads[1].xmat.reshape(3, 3)[:, 1]) == pytest.approx(1, abs=1e-3)


def test_fingers_that_close_at_the_lowest_grasp_keep_clear_of_the_table():
    rig = Rig()
    rig.move([*SPOT, LOW_GRASP], 0.0, 20)
    rig.hold(0.0, 10)
    assert rig.clearance() == pytest.approx(LOW_GRASP - 0.019, abs=0.0005)
    rig.hold(1.0, 15)
    assert rig.clearance() == pytest.approx(LOW_GRASP - 0.033, abs=0.0005)


def test_fingers_56_mm_apart_reach_less_far():
    rig = Rig()
    while rig.opening() > 0.056:
        rig.hold(0.4, 1)
    assert rig.pos[2] - rig.clearance() == pytest.approx(WIDE_REACH, abs=0.001)


@pytest.mark.parametrize("kind", sorted(n for n, k in ALL_KINDS.items() if k.category in FROM_ABOVE + WIDE))
def test_nothing_is_taken_from_above_lower_than_the_fingers_may_go(kind):
    kind = ALL_KINDS[kind]
    if kind.category in WIDE:
        assert kind.grasp_height > WIDE_REACH
    else:
        assert kind.grasp_height >= LOW_GRASP + (lid_box.LID if kind.category == "lid" else 0.0)


def test_the_grip_force_lies_in_the_2f85s_published_range_and_within_the_torque_limit():
    rig = grasped("red_block")
    rig.move([*SPOT, 0.2], 1.0, 15)
    left, right = rig.grip_forces()
    assert left == pytest.approx(right, rel=0.1)
    assert 20 <= left <= 235
    assert abs(rig.data.actuator("gripper").force[0]) <= GRIPPER_TORQUE + 1e-9


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_toy_is_lifted_20_cm_and_stays_in_the_hand_for_ten_seconds_of_motion(kind):
    rig = grasped(kind)
    height = rig.data.body("toy").xpos[2]
    rig.move([*SPOT, KINDS[kind].grasp_height + 0.2], 1.0, 20)
    assert rig.data.body("toy").xpos[2] - height == pytest.approx(0.2, abs=0.01)

    before, turned = rig.toy_in_hand(), rig.turn_in_hand()
    for x, y in [(0.60, 0.20), (0.60, -0.20), (0.42, -0.16), (0.42, 0.16), (0.50, 0.0)]:
        rig.move([x, y, 0.23], 1.0, 2 * HZ)  # up to 0.3 m/s, 10 s in all
    slip = np.linalg.norm(rig.toy_in_hand() - before)
    angle = np.degrees(np.arccos(np.clip((np.trace(turned.T @ rig.turn_in_hand()) - 1) / 2, -1, 1)))
    assert min(rig.grip_forces()) > 5
    assert slip < 0.003
    assert angle < 5


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_toy_that_is_let_go_stands_upright_where_it_was_put(kind):
    rig = grasped(kind)
    rig.move([*SPOT, 0.2], 1.0, 15)
    rig.move([*SPOT, KINDS[kind].grasp_height], 1.0, 15)
    rig.hold(0.0, 10)
    rig.move([*SPOT, 0.2], 0.0, 15)
    toy = rig.data.body("toy")
    assert toy.xmat.reshape(3, 3)[2, 2] > 0.99
    assert toy.xpos[2] == pytest.approx(KINDS[kind].rest_height, abs=0.002)
    assert np.linalg.norm(toy.xpos[:2] - SPOT) < 0.01

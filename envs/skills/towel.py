"""Take a hanging towel off its rail by the fold and lay it on another towel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.objects.towel import FOLDED_TOP, LENGTH, RAIL_Z
from envs.skills.skill import CAREFUL_SPEED, LIFT_SPEED, OPEN, SPEED, Target, Vector, down, towards, turned
from envs.world import World

HOVER = 0.09  # m above the rail, where the open fingers clear it
GRASP = -0.014  # m, ee above the rail's axis when the fingers close around it
NIP = 0.83  # gripper_closed when the cloth is pressed to the rail from both sides
PAST = 0.036  # m above the rail's axis, where the fingers hold the fold alone
CARRY = RAIL_Z + LENGTH / 2 + 0.08  # m, ee height at which the towel hangs clear of the rail
TIPS = 0.02  # m, of the fingertips beyond the ee
ALIGNED, AIMED = 0.010, 0.08  # m, rad
REACH, HEM, FOLD = 0.08, 0.19, 0.036  # m: lay from so far before the goal's middle to so far behind it, from high to low
PULL_SPEED = 0.007  # m per control step, while the rail is between the fingers
LAY_SPEED = 0.014  # m per control step


@dataclass(frozen=True)
class LayTowel:
    """Take the cloth `object` from `rail` and lay it on `goal`."""

    object: str
    goal: str
    rail: str = "rail"

    def target(self, world: World) -> Vector:
        """(3,) m, base frame: where the towel's middle comes to lie."""
        return world.pos(self.goal) + [0, 0, FOLDED_TOP]

    def reached(self, world: World) -> bool:
        """Whether nothing more is to be done: it lies over the goal and the fingers are open."""
        off = world.pos(self.object) - self.target(world)
        return bool(np.abs(off[:2]).max() < 0.06 and off[2] < 0.03 and not world.holding(self.object))

    def grasp(self, world: World) -> Vector:
        """(3,) m, base frame: where the hand closes: around the rail, or upon the highest point of what fell."""
        if world.touching(self.object, self.rail):
            return self._fold(world) + [0, 0, GRASP]
        return self._highest(world)

    def act(self, world: World) -> Target:
        fold = self._fold(world)
        lifted = world.ee_pos[2] > fold[2] + PAST + 0.01 and self._gripped(world)  # the hem may brush the rail
        hangs = world.touching(self.object, self.rail) and not lifted
        near = np.linalg.norm((world.ee_pos - fold)[:2]) < 0.03
        if hangs:
            return self._pull(world) if near and world.gripper_closed > 0.5 else self._grasp(world)
        return self._carry(world)

    def _gripped(self, world: World) -> bool:
        """Whether it is between the fingers; contacts with cloth come and go."""
        if world.gripper_closed < NIP - 0.1:
            return False
        tips = world.ee_pos + TIPS * world.ee_mat[:, 2]
        return world.holding(self.object) or bool(np.linalg.norm(world.cloth(self.object) - tips, axis=1).min() < 0.03)

    def _highest(self, world: World) -> Vector:
        """(3,) m: the highest point of the cloth."""
        cloth = world.cloth(self.object)
        return cloth[cloth[:, 2].argmax()]

    def _fold(self, world: World) -> Vector:
        """(3,) m: the point of the rail's axis over which the towel hangs."""
        rail = world.pos(self.rail) + [0, 0, RAIL_Z]
        along = world.mat(self.rail)[:, 0]
        return rail + along * (along @ (world.pos(self.object) - rail))

    def _grasp(self, world: World) -> Target:
        ee, fold = world.ee_pos, self._fold(world)
        axis = world.mat(self.rail)[:, 0]
        mat = down(float(np.arctan2(axis[1], axis[0])))
        turn = turned(world.ee_mat, mat)
        off = float(np.linalg.norm((fold - ee)[:2]))
        aimed = bool(np.trace(world.ee_mat.T @ mat) > 1 + 2 * np.cos(AIMED))
        if off < ALIGNED and aimed and ee[2] < fold[2] + GRASP + 0.006:
            return Target(np.r_[fold[:2], fold[2] + GRASP], NIP, mat)
        if world.gripper_closed > OPEN and off < 0.1 and ee[2] < fold[2] + HOVER:
            return Target(towards(ee, ee + [0, 0, HOVER], LIFT_SPEED), 0.0, world.ee_mat)
        if aimed and off < ALIGNED + 0.1 * max(0.0, ee[2] - fold[2] - 0.05):
            return Target(towards(ee, fold + [0, 0, GRASP], CAREFUL_SPEED), 0.0, turn)
        if off > 0.03 and ee[2] < fold[2] + HOVER - 0.02:
            return Target(towards(ee, np.r_[ee[:2], fold[2] + HOVER], LIFT_SPEED), 0.0, turn)
        return Target(towards(ee, fold + [0, 0, HOVER], SPEED), 0.0, turn)

    def _pull(self, world: World) -> Target:
        """Up: the fingers drag the cloth over the rail and close on the fold once they are past it."""
        ee, fold = world.ee_pos, self._fold(world)
        rise = ee[2] - fold[2]
        if rise < GRASP + 0.01 and world.gripper_closed < NIP - 0.03:
            return Target(np.r_[fold[:2], fold[2] + GRASP], NIP, world.ee_mat)
        speed = PULL_SPEED if rise < PAST + 0.01 else LIFT_SPEED
        return Target(towards(ee, np.r_[fold[:2], CARRY + 0.02], speed), NIP if rise < PAST else 1.0, world.ee_mat)

    def _carry(self, world: World) -> Target:
        """Over the goal's far side, then down and back across it: the hem touches first, the fold comes last."""
        if not self._gripped(world):
            return self._pick_up(world)
        ee, goal = world.ee_pos, self.target(world)
        turn = turned(world.ee_mat, down(0.0))
        start, end = goal + [0, -REACH, HEM], goal + [0, REACH, FOLD]
        share = float(np.clip((start[2] - ee[2]) / HEM, 0, 1))
        line = start + share * (end - start)
        if np.linalg.norm((ee - line)[:2]) > 0.04:
            aim = np.r_[line[:2], CARRY] if ee[2] > CARRY - 0.03 else np.r_[ee[:2], CARRY + 0.01]
            return Target(towards(ee, aim, SPEED), 1.0, turn)
        if ee[2] < end[2] + 0.012:
            return Target(end, 0.0, turn)
        way = end - start if share > 0 else np.array([0, 0, -1.0])
        ahead = line * [1, 1, 0] + [0, 0, ee[2]] + LAY_SPEED * way / np.linalg.norm(way)
        return Target(np.maximum(ahead, [-1, -1, end[2]]), 1.0, turn)

    def _pick_up(self, world: World) -> Target:
        """From where it fell: a pinch of its highest point."""
        ee, top = world.ee_pos, self._highest(world)
        off = float(np.linalg.norm((top - ee)[:2]))
        grasp = np.r_[top[:2], max(top[2] - 0.012, 0.012)]
        if off < ALIGNED and ee[2] < grasp[2] + 0.008:
            return Target(grasp, 1.0, world.ee_mat)
        if world.gripper_closed > OPEN:
            return Target(towards(ee, ee + [0, 0, 0.05], LIFT_SPEED), 0.0, world.ee_mat)
        if off < ALIGNED + 0.1 * max(0.0, ee[2] - grasp[2] - 0.05):
            return Target(towards(ee, grasp, CAREFUL_SPEED), 0.0, world.ee_mat)
        return Target(towards(ee, np.r_[top[:2], max(grasp[2] + HOVER, ee[2])], SPEED), 0.0, turned(world.ee_mat, down(0.0)))

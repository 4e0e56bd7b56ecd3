"""Skills of the kitchen: they come back from a slip, and the hand that reaches in points where it should."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from envs.expert import act
from envs.robot import HOME_QPOS
from envs.sim_env import SimEnv
from envs.skills.reach_in import TakeOut
from envs.skills.skill import DOWN, down, tilted
from envs.types import Trial


def start(task: str, index: int = 0) -> SimEnv:
    env = SimEnv(task, cameras=False)
    env.reset(options={"trial": Trial(task, index)})
    return env


def run(env: SimEnv, until=lambda env: False) -> SimEnv:
    while not (env.terminated or env.truncated or until(env)):
        action, *_ = act(env)
        env.advance(action)
    return env


def test_a_tilted_hand_points_ahead_of_down_and_turns_with_the_yaw():
    assert np.allclose(tilted(0.0, 0.4), down(0.4))
    assert np.allclose(tilted(np.pi / 2)[:, 2], [1, 0, 0])
    assert np.allclose(tilted(0.3, np.pi / 2)[:, 2], [0, np.sin(0.3), -np.cos(0.3)])
    assert np.allclose(tilted(0.7, 0.2).T @ tilted(0.7, 0.2), np.eye(3))


def test_the_rim_is_taken_on_the_left_with_a_finger_on_either_side():
    env = run(start("plate_to_tablecloth"), lambda env: env.world.holding("plate"))
    w = env.world
    way = w.ee_pos - w.pos("plate")
    assert way[1] == pytest.approx(w.kind("plate").half_extents[0], abs=0.012)
    assert abs(way[0]) < 0.012
    assert w.ee_mat[:, 2] @ DOWN[:, 2] > 0.99


def test_a_plate_that_slips_onto_the_shelf_again_is_taken_again():
    env = run(start("plate_to_tablecloth"), lambda env: env.world.holding("plate") and env.world.pos("plate")[2] > 0.335)
    action, *_ = act(env)
    action[9] = 0.0
    for _ in range(4):
        env.advance(action)
    assert not env.world.holding("plate")
    assert run(env).terminated


def test_the_hand_reaches_into_the_refrigerator_tilted_and_comes_back():
    env = run(start("bread_from_fridge"), lambda env: env.world.holding("bread"))
    tilt = np.arccos(-env.world.ee_mat[2, 2])
    assert np.radians(18) < tilt < np.radians(40)
    assert run(env).terminated


def test_a_lost_grasp_in_the_refrigerator_is_tried_again():
    env = run(start("bread_from_fridge"), lambda env: env.world.holding("bread"))
    action, *_ = act(env)
    action[9] = 0.0
    for _ in range(3):
        env.advance(action)
    assert not env.world.holding("bread")
    assert run(env).terminated


def test_the_hand_is_steady_at_the_rim_and_not_on_its_way():
    env = start("plate_to_tablecloth")
    skill = env.task.steps[0].skill
    assert not skill.delicate(env.world)
    run(env, lambda env: np.linalg.norm((env.world.ee_pos - env.world.pos("plate"))[:2] - [0, 0.08]) < 0.01 and env.world.ee_pos[2] < 0.40)
    assert skill.delicate(env.world)
    run(env, lambda env: env.world.holding("plate") and env.world.pos("plate")[1] > -0.25)
    assert not skill.delicate(env.world)


def test_in_the_cabinet_the_hand_is_steady():
    env = start("bread_from_fridge")
    skill = TakeOut("bread", "fridge", at=(0.5, -0.2))
    assert not skill.delicate(env.world)
    run(env, lambda env: env.world.holding("bread"))
    assert skill.delicate(env.world)


def test_an_empty_hand_whose_wrist_is_wound_goes_home_joint_by_joint():
    env = start("prepare_breakfast")
    wound = HOME_QPOS + [0.2, 0.1, -0.2, -0.3, -2.4, -0.3, -2.2]
    env.set_arm(wound)
    skill = env.task.steps[2].skill
    way = [np.abs(env.world.joint_pos - HOME_QPOS).max()]
    for _ in range(25):
        target = skill.act(env.world)
        q = env._ik.step(env.world.joint_pos, target.pos, target.mat)
        env.set_arm(q)
        way.append(np.abs(q - HOME_QPOS).max())
    assert abs(env.world.joint_pos[4]) < 0.7
    assert way[-1] < 0.5 * way[0]


def test_the_hand_draws_back_along_itself_from_what_it_let_go_of():
    env = start("prepare_breakfast")
    joint = env.data.joint("plate")
    joint.qpos[:3] = env.world.ee_pos - [0, 0.08, 0.04]
    mujoco.mj_forward(env.model, env.data)
    target = env.task.steps[1].skill.act(env.world)
    assert np.allclose((target.pos - env.world.ee_pos) / np.linalg.norm(target.pos - env.world.ee_pos), -env.world.ee_mat[:, 2])
    assert target.closed == 0.0

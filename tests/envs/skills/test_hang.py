"""Hanging: the hand keeps the mug until the handle is over the hook, and is steady where it must be."""

from __future__ import annotations

import numpy as np
import pytest

from envs.expert import act
from envs.sim_env import SimEnv
from envs.skills.hang import Hang
from envs.types import Trial


@pytest.fixture(scope="module")
def env():
    env = SimEnv("hang_cup", cameras=False)
    env.reset(options={"trial": Trial("hang_cup", 0)})
    return env


@pytest.mark.parametrize("side", [-1, 1])
def test_the_leaning_mug_has_its_handle_up_and_across_the_hook(env, side):
    skill = Hang("mug", "rack", lean=0.5, side=side)
    mat = skill._leaning(env.world, 0.5)
    assert mat @ mat.T == pytest.approx(np.eye(3))
    assert np.linalg.det(mat) == pytest.approx(1.0)
    assert mat[2, 0] == pytest.approx(np.sin(0.5))
    assert mat[:, 1] == pytest.approx(side * skill._out(env.world))


def test_the_gripper_opens_only_with_the_hook_through_the_handle(env):
    env.reset(options={"trial": Trial("hang_cup", 0)})
    skill, held, opened = env.task.steps[0].skill, False, None
    while not (env.terminated or env.truncated):
        action, _, _ = act(env)
        if held and opened is None and action[9] < 0.9:
            opened = env.world.hooked("mug", "rack")
            assert skill.delicate(env.world)
        held = held or env.world.holding("mug")
        assert not (env.world.holding("mug") and skill.predicate(env.world))
        env.advance(action)
    assert env.terminated
    assert opened


def test_the_hand_leaves_the_mug_that_hangs(env):
    """Carried on after success, as a planner's next step would see it."""
    skill = env.task.steps[0].skill
    for _ in range(45):
        target = skill.act(env.world)
        if skill.reached(env.world):
            break
        env.advance(np.r_[target.pos, target.mat[:2].ravel(), target.closed].astype(np.float32))
    assert skill.reached(env.world)
    assert env.world.released("mug")

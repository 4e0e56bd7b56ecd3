"""The drawer's skills come back from what goes wrong."""

import numpy as np
import pytest

from envs.expert import act
from envs.sim_env import SimEnv
from envs.skills.drawer import IntoDrawer, PullOpen, PushShut
from envs.types import Trial

SLIDE = "drawer_slide"


def run(env, until, limit=400):
    for _ in range(limit):
        if until(env.world):
            return True
        action, *_ = act(env)
        env.advance(action)
    return False


def start(task):
    env = SimEnv(task, cameras=False)
    env.reset(options={"trial": Trial(task, 0)})
    return env


def test_a_drawer_that_shut_meanwhile_is_opened_again_and_the_toy_is_set_down_for_it():
    env = start("toy_into_drawer")
    assert run(env, lambda w: w.holding("toy") and w.pos("toy")[2] > 0.1)
    env.data.joint(SLIDE).qpos[0] = 0.02
    assert run(env, lambda w: w.travel(SLIDE) > 0.6)
    assert run(env, lambda w: env.terminated)


def test_an_open_drawer_is_reached_once_the_handle_is_let_go():
    env = start("open_drawer")
    skill = PullOpen("drawer")
    assert run(env, lambda w: w.travel(SLIDE) > 0.75)
    assert env.world.holding("drawer")
    assert not skill.reached(env.world)
    assert env.steps_done == 0
    assert run(env, lambda w: env.terminated)
    assert skill.reached(env.world)


def test_targets_follow_the_drawer():
    env = start("close_drawer")
    shut, room = PushShut("drawer").target(env.world), IntoDrawer("toy", "drawer").target(env.world)
    travel = env.world.travel(SLIDE) * 0.14
    assert env.world.grip("drawer") - shut == pytest.approx([0, -travel, 0], abs=1e-6)  # it opens to the right
    front = env.world.pos("drawer")[1] - 0.1
    assert env.world.grip("drawer")[1] < room[1] < front
    assert np.isclose(room[0], env.world.pos("drawer")[0])

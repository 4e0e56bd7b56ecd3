"""Turning over: the hand's roll is read off its orientation, and goes one way only."""

from __future__ import annotations

import numpy as np
import pytest

from envs.expert import act
from envs.predicates import On
from envs.sim_env import SimEnv
from envs.skills.turn_over import _hand, _rolled
from envs.types import Trial


@pytest.mark.parametrize("heading", [-1.3, 0.0, 0.8])
@pytest.mark.parametrize("pitch", [0.0, 0.12])
@pytest.mark.parametrize("rolled", [-0.3, 0.0, 1.0, 3.0, np.pi + 0.2])
def test_the_roll_of_a_hand_is_what_it_was_rolled_by(heading, pitch, rolled):
    hand = _hand(heading, rolled, pitch)
    assert hand @ hand.T == pytest.approx(np.eye(3))
    assert _rolled(hand) == pytest.approx(rolled)
    assert hand[:, 2] == pytest.approx([np.cos(pitch) * np.cos(heading), np.cos(pitch) * np.sin(heading), -np.sin(pitch)])


def test_half_a_roll_reverses_the_mugs_axis_and_leaves_the_fingers_level():
    start, end = _hand(0.5, 0.0), _hand(0.5, np.pi)
    turn = end @ start.T
    assert turn @ [0, 0, 1] == pytest.approx([0, 0, -1])
    assert start[2, 1] == pytest.approx(0.0)
    assert end[2, 1] == pytest.approx(0.0)


def test_an_upside_down_mug_on_the_tablecloth_does_not_count():
    env = SimEnv("flip_cup", cameras=False)
    env.reset(options={"trial": Trial("flip_cup", 0)})
    cloth = env.world.pos("tablecloth")
    top = env.world.kind("mug").top
    for down, expected in ((True, False), (False, True)):
        joint = env.data.joint("mug")
        joint.qpos[:3], joint.qvel[:] = cloth + [0, 0, 0.003 + top], 0
        joint.qpos[3:] = [0, 1, 0, 0] if down else [1, 0, 0, 0]
        env.data.ctrl[7] = 0.0
        for _ in range(8):
            env.advance(np.r_[env.world.ee_pos, env.world.ee_mat[:2].ravel(), 0.0].astype(np.float32))
        assert On("mug", "tablecloth")(env.world)
        assert On("mug", "tablecloth", upright=True)(env.world) is expected


def test_the_roll_never_turns_back_and_the_mug_is_let_go_of_upright():
    env = SimEnv("flip_cup", cameras=False)
    env.reset(options={"trial": Trial("flip_cup", 1)})
    most = 0.0
    while not (env.terminated or env.truncated):
        action, _, _ = act(env)
        if env.world.holding("mug"):
            rolled = _rolled(env.world.ee_mat)
            assert rolled > most - 0.1
            most = max(most, rolled)
        env.advance(action)
    assert env.terminated
    assert most == pytest.approx(np.pi, abs=0.1)
    assert env.world.released("mug")

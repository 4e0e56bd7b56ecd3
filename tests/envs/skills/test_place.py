"""Place: where things are set down, and that it starts again after a slip."""

from __future__ import annotations

import numpy as np
import pytest

from envs.expert import act
from envs.objects.plates import SURFACE
from envs.sim_env import SimEnv
from envs.skills.place import Place
from envs.types import ACTION_GRIPPER, Trial


def reset(task: str) -> SimEnv:
    env = SimEnv(task, cameras=False)
    env.reset(options={"trial": Trial(task, 2)})
    return env


def test_the_place_is_a_point_of_the_goals_frame_under_the_object():
    w = reset("take_lid").world
    box, mat = w.pos("box"), w.mat("box")
    place = Place("other_0", "box", (0.03, 0.0, 0.1))
    assert place.target(w) == pytest.approx(box + 0.03 * mat[:, 0] + [0, 0, 0.1 + w.kind("other_0").rest_height])


@pytest.mark.parametrize("task", ["banana_to_plate", "ball_to_can", "take_lid", "math_matching", "toy_placement"])
def test_what_slips_out_of_the_hand_is_taken_again(task):
    env = reset(task)
    slips = 0
    while not (env.terminated or env.truncated):
        action, _, skill = act(env)
        if skill and slips < 5 and env.world.holding(skill.object) and (slips or env.world.pos(skill.object)[2] > 0.09):
            action[ACTION_GRIPPER], slips = 0.0, slips + 1
        env.advance(action)
    assert slips >= 1
    assert env.terminated


def test_the_object_is_let_go_just_above_its_place():
    env = reset("bread_to_empty_plate")
    place, heights = env.task.steps[0].skill, []
    while not env.terminated:
        action, _, _ = act(env)
        if env.world.holding("bread") and action[ACTION_GRIPPER] < 0.5:
            heights.append(env.world.pos("bread")[2] - env.world.kind("bread").rest_height - SURFACE)
        env.advance(action)
    assert 0 < heights[0] < 0.010
    assert np.linalg.norm((env.world.pos("bread") - place.target(env.world))[:2]) < 0.02


def test_the_fingers_stay_above_the_rim_as_they_let_the_ball_go():
    """Opened in the can, they once caught its wall with 70 N on their way up."""
    env = SimEnv("ball_to_can", cameras=False)
    env.reset(options={"trial": Trial("ball_to_can", 2, split="train")})
    while not (env.terminated or env.truncated):
        env.advance(act(env)[0])
    assert env.terminated
    assert env.pushed.peak < 0.5

"""Equations and relations: what a trial asks for, what is kept for testing, when it is done."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from envs.expert import act
from envs.objects import KINDS
from envs.sim_env import SimEnv
from envs.skills.beside import FARTHEST, NEAREST, RELATIONS, beside
from envs.tasks.chatvla2 import HELD_OUT_TOYS, MATH_MATCHING, answer, pair_held_out
from envs.types import Split, Trial


def reset(task: str, index: int = 0, split: Split = "test") -> SimEnv:
    env = SimEnv(task, cameras=False)
    env.reset(options={"trial": Trial(task, index, split=split)})
    return env


def put(env: SimEnv, role: str, pos) -> None:
    joint = env.data.joint(role)
    joint.qpos[:3], joint.qpos[3:], joint.qvel[:] = pos, (1, 0, 0, 0), 0
    mujoco.mj_step(env.model, env.data, nstep=120)
    mujoco.mj_forward(env.model, env.data)


def test_no_equation_is_in_both_splits():
    board = MATH_MATCHING.fixtures[0]
    assert not set(board.kinds) & set(board.test_kinds)
    assert {KINDS[k].category for k in (*board.kinds, *board.test_kinds)} == {"board"}


@pytest.mark.parametrize("split", ["train", "test"])
def test_one_card_answers_the_equation_and_the_reasoning_says_so(split):
    for index in range(4):
        env = reset("math_matching", index, split)
        first, operator, second = env.world.words["board_text"].split()
        wanted = {"+": int(first) + int(second), "-": int(first) - int(second), "x": int(first) * int(second)}[operator]
        shown = [env.world.kind(r).text for r in env.world.roles]
        assert shown.count(str(wanted)) == 1
        assert act(env)[1] == f"The board says {first} {operator} {second}, the answer is {wanted}: pick the card {wanted}."


def test_only_the_right_card_alone_on_the_stand_counts():
    env = reset("math_matching")
    right = answer(env.world)
    wrong = next(r for r in env.world.roles if r != right)
    done, stand = env.task.steps[0].predicate, env.world.pos("stand")
    put(env, wrong, stand + [0, 0.02, 0.02])
    assert not done(env.world)
    put(env, right, stand + [0, -0.03, 0.05])
    assert not done(env.world)
    put(env, wrong, [0.6, -0.4, 0.02])
    put(env, right, stand + [0, 0, 0.02])
    assert done(env.world)


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_relation_ends_at_its_thresholds(relation):
    way = np.array(RELATIONS[relation], float)
    side, target = way[::-1], np.array([0.5, 0.1])
    for along, across, expected in (
        (NEAREST + 0.001, 0, True), (NEAREST - 0.001, 0, False), (FARTHEST - 0.001, 0, True), (FARTHEST + 0.001, 0, False),
        (0.1, 0.099, True), (0.1, 0.101, False), (0.1, -0.101, False), (-0.1, 0, False),
    ):  # fmt: skip
        assert beside(target + along * way + across * side, target, relation) is expected


def test_left_is_the_robots_left_and_in_front_is_towards_it():
    assert RELATIONS["to the left of"] == (0, 1)
    assert RELATIONS["in front of"] == (-1, 0)


def test_the_instruction_names_what_the_trial_asks_for():
    env = reset("toy_placement")
    words = env.world.words
    assert env.instruction == f"Pick the {words['object']} and place it {words['relation']} the {words['target']}."
    assert "{" not in "".join(map(env.told, (*env.task.paraphrases, *env.task.test_paraphrases, env.task.finished)))


def test_a_pair_is_asked_for_in_one_split_only():
    for split in ("train", "test"):
        for index in range(12):
            layout = reset("toy_placement", index, split).layout
            toy, target = layout.placed("object").kind, layout.placed("target").kind
            assert pair_held_out(toy, dict(layout.choices)["relation"], target) == (split == "test")
            if split == "train":
                assert not {o.kind for o in layout.objects} & set(HELD_OUT_TOYS)


def test_an_object_beside_the_target_counts_on_the_table_only():
    env = reset("toy_placement")
    done, words = env.task.steps[0].predicate, env.world.words
    spot = np.r_[env.world.pos("target")[:2] + 0.1 * np.array(RELATIONS[words["relation"]]), 0]
    rest = np.array([0, 0, env.world.kind("object").rest_height])
    put(env, "other", [0.8, 0.5, 0.05])
    put(env, "object", spot + rest)
    assert done(env.world)
    env.data.joint("object").qpos[2] += 0.05
    mujoco.mj_forward(env.model, env.data)
    assert not done(env.world)

"""When the kitchen tasks count as done, and when not."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from envs.expert import act
from envs.objects import fridge, shelf
from envs.objects.dishes import CLOTH_HALF, CLOTH_THICK, SURFACE
from envs.objects.plates import SURFACE as PLATE_SURFACE
from envs.sim_env import SimEnv
from envs.skills.withdraw import Withdrawn
from envs.tasks import get_task
from envs.types import Trial

UP = np.array([0.0, 0.0, 1.0])


@pytest.fixture
def make():
    def make(task: str, index: int = 0) -> SimEnv:
        env = SimEnv(task, cameras=False)
        env.reset(options={"trial": Trial(task, index)})
        return env

    return make


def put(env: SimEnv, role: str, pos, quat=(1.0, 0, 0, 0), settle: int = 240) -> None:
    joint = env.data.joint(role)
    joint.qpos[:3], joint.qpos[3:], joint.qvel[:] = pos, quat, 0
    mujoco.mj_step(env.model, env.data, nstep=settle)
    mujoco.mj_forward(env.model, env.data)


def done(env: SimEnv, step: int = 0) -> bool:
    return env.task.steps[step].predicate(env.world)


def test_the_plate_counts_on_the_cloth_and_not_half_beside_it(make):
    env = make("plate_to_tablecloth")
    cloth, radius = env.world.pos("tablecloth"), env.world.kind("plate").half_extents[0]
    for beyond, expected in ((-radius - 0.01, True), (radius + 0.01, False)):
        put(env, "plate", cloth + [0, CLOTH_HALF[1] + beyond, CLOTH_THICK + 0.001])
        assert done(env) is expected, beyond


def test_a_plate_upside_down_on_the_cloth_does_not_count(make):
    env = make("plate_to_tablecloth")
    height = CLOTH_THICK + env.world.kind("plate").half_extents[2] + 0.001
    put(env, "plate", env.world.pos("tablecloth") + height * UP, quat=(0, 1, 0, 0))
    assert env.world.supported_by("plate", "tablecloth")
    assert not done(env)


def test_the_plate_counts_only_once_the_fingers_have_let_go(make):
    env = make("plate_to_tablecloth")
    seen = []
    while not env.terminated and not env.truncated:
        action, *_ = act(env)
        env.advance(action)
        over = float(env.world.pos("plate")[2] - env.world.pos("tablecloth")[2]) < CLOTH_THICK + 0.006
        seen.append((over and not env.world.released("plate"), env.steps_done))
    assert env.terminated
    assert (True, 0) in seen
    assert (True, 1) not in seen


def test_bread_counts_on_the_plate_and_not_on_its_rim_and_the_cloth(make):
    env = make("bread_to_plate")
    plate, kind = env.world.pos("plate"), env.world.kind("bread")
    put(env, "bread", plate + [0, 0, SURFACE + kind.rest_height + 0.001])
    assert done(env)
    put(env, "bread", plate + [env.world.kind("plate").half_extents[0] + kind.half_extents[1] + 0.01, 0, kind.rest_height + 0.001], quat=(0.7071, 0, 0, 0.7071))
    assert not done(env)


def test_bread_in_the_pot_does_not_count_and_on_the_plate_does(make):
    env = make("bread_from_pot")
    assert env.world.inside("bread", "pot")
    assert not done(env)
    put(env, "bread", env.world.pos("plate") + [0, 0, PLATE_SURFACE + env.world.kind("bread").rest_height + 0.001])
    assert done(env)


def test_bread_in_the_refrigerator_or_on_top_of_it_does_not_count_and_before_it_does(make):
    env = make("bread_from_fridge")
    assert env.world.inside("bread", "fridge")
    rest, front = env.world.kind("bread").rest_height, env.world.pos("fridge")
    for spot, expected in (((0.13, 0, fridge.SHELVES[1]), False), ((0.13, 0, fridge.HEIGHT), False), ((-0.12, 0, 0), True)):
        put(env, "bread", front + spot + [0, 0, rest + 0.001])
        assert env.world.supported_by("bread", "table" if expected else "fridge")
        assert done(env) is expected, spot


def test_bread_that_is_held_out_of_the_refrigerator_is_not_yet_done(make):
    env = make("bread_from_fridge")
    held_outside = []
    while not env.terminated and not env.truncated:
        action, *_ = act(env)
        env.advance(action)
        if env.world.holding("bread") and env.world.pos("bread")[0] < env.world.pos("fridge")[0] - 0.05:
            held_outside.append(env.steps_done)
    assert env.terminated
    assert held_outside
    assert not any(held_outside)


def test_the_bread_lies_now_on_one_shelf_now_on_the_other(make):
    heights = {round(make("bread_from_fridge", i).layout.placed("bread").height, 3) for i in range(12)}
    assert heights == set(fridge.SHELVES)


def test_breakfast_is_its_three_tasks_in_order_from_where_they_start(make):
    names = ("plate_to_tablecloth", "flip_cup", "bread_to_plate")
    task = get_task("prepare_breakfast")
    assert [s.instruction for s in task.steps] == [get_task(n).instruction for n in names]
    assert [s.predicate for s in task.steps] == [get_task(n).steps[0].predicate for n in names]
    env = make("prepare_breakfast")
    assert env.world.bearers("plate") == env.world.bearers("mug") == {"shelf"}
    assert env.world.pos("plate")[2] == pytest.approx(shelf.UPPER, abs=1e-3)
    assert env.world.upright("mug") == pytest.approx(-1, abs=1e-3)
    assert env.world.inside("bread", "basket")


@pytest.mark.parametrize("name", ["plate_to_tablecloth", "bread_to_plate", "prepare_breakfast", "bread_from_pot", "bread_from_fridge"])
def test_test_trials_show_a_variant_that_training_never_shows(name):
    task = get_task(name)
    things = [*task.objects, *task.fixtures]
    assert any(set(t.test_kinds) - set(t.kinds) for t in things)
    assert not set(task.test_paraphrases) & {task.instruction, *task.paraphrases}


def test_only_what_comes_after_another_thing_draws_back_first():
    first, second, third = (step.skill for step in get_task("prepare_breakfast").steps)
    assert not isinstance(first, Withdrawn)
    assert isinstance(second, Withdrawn)
    assert isinstance(third, Withdrawn)
    assert (second.unwind, third.unwind) == (False, True)

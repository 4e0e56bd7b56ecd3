"""Where a thing lies: by contact, or by what it stands over where a made-up scene has no contact."""

import mujoco
import numpy as np
import pytest

from envs.capture import place
from envs.sim_env import SimEnv
from envs.types import Trial


@pytest.fixture(scope="module")
def env():
    env = SimEnv("stack_cubes", cameras=False)
    env.reset(options={"trial": Trial("stack_cubes", 0)})
    yield env
    env.close()


@pytest.mark.parametrize(("gap", "lies"), [(0.0005, "yellow block"), (0.009, "yellow block"), (0.011, None)])
def test_a_block_lies_on_the_one_that_it_stands_over_within_a_centimetre(env, gap, lies):
    lower, upper = (env.world.kind(r) for r in ("yellow_block", "orange_block"))
    env.data.joint("orange_block").qpos[:3] = env.world.pos("yellow_block") + [0, 0, lower.rest_height + gap + upper.rest_height]
    mujoco.mj_forward(env.model, env.data)
    assert env.world.beneath("orange_block") == (lies and "yellow_block")
    assert place(env.world, "orange_block") == (lies or "table")


def test_what_stands_beside_a_thing_lies_on_the_table(env):
    env.data.joint("orange_block").qpos[:3] = np.r_[env.world.pos("yellow_block")[:2] + [0, 0.06], env.world.kind("orange_block").rest_height + 0.001]
    mujoco.mj_forward(env.model, env.data)
    assert env.world.beneath("orange_block") == "table"
    assert place(env.world, "orange_block") == "table"


@pytest.mark.parametrize(("task", "role", "lies"), [("plate_to_tablecloth", "plate", "shelf"), ("hang_cup_bathroom", "cup", "washbasin"), ("bread_from_fridge", "bread", "refrigerator")])
def test_things_start_where_the_picture_shows_them(task, role, lies):
    env = SimEnv(task, cameras=False)
    env.reset(options={"trial": Trial(task, 0)})
    assert place(env.world, role) == lies
    env.data.joint(role).qpos[2] += 0.002  # out of contact
    mujoco.mj_forward(env.model, env.data)
    assert place(env.world, role) == lies

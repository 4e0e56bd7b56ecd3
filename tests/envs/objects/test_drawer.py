"""The chest: its drawer slides, stops, stays where it is let go, and holds what lies in it."""

import mujoco
import numpy as np
import pytest

from envs.objects import KINDS, drawer
from envs.predicates import AllOf, Closed, Inside, Opened
from envs.sim_env import SimEnv
from envs.types import Trial

SLIDE = "drawer_slide"
CHESTS = [kind.name for kind in drawer.KINDS]


@pytest.fixture
def env():
    env = SimEnv("close_drawer", cameras=False)
    env.reset(options={"trial": Trial("close_drawer", 0)})
    return env


def slide(env, travel):
    env.data.joint(SLIDE).qpos[0] = travel * drawer.TRAVEL
    mujoco.mj_forward(env.model, env.data)


def put(env, role, pos):
    joint = env.data.joint(role)
    joint.qpos[:3], joint.qvel[:] = pos, 0
    mujoco.mj_forward(env.model, env.data)


@pytest.mark.parametrize("kind", CHESTS)
def test_it_needs_a_push_and_stops_at_both_ends(kind):
    model, data = alone(kind)
    for force, expected in ((1.0, 0.07), (-1.0, 0.07), (20.0, drawer.TRAVEL), (-20.0, 0.0)):
        data.joint("chest_slide").qpos[0] = 0.07
        data.joint("chest_slide").qvel[0] = 0
        for _ in range(300):
            data.joint("chest_slide").qfrc_applied[0] = force
            mujoco.mj_step(model, data)
        assert data.joint("chest_slide").qpos[0] == pytest.approx(expected, abs=0.003), force


def alone(kind):
    from envs.layout import Layout, Placed
    from envs.scenes.toy import SCENE

    model = SCENE.build(Layout((), (Placed("chest", kind, (0.5, 0.3)),))).compile()
    return model, mujoco.MjData(model)


@pytest.mark.parametrize("kind", CHESTS)
@pytest.mark.parametrize("travel", [0.0, 0.5, 1.0])
def test_nothing_of_it_jams(kind, travel):
    model, data = alone(kind)
    data.joint("chest_slide").qpos[0] = travel * drawer.TRAVEL
    mujoco.mj_forward(model, data)
    chest = {model.body("chest").id, model.body("chest_tray").id}
    touching = [set(model.geom_bodyid[pair]) for pair in data.contact.geom]
    assert not any(bodies & chest and model.body("table").id not in bodies for bodies in touching)


def test_the_layout_says_how_far_it_is_open(env):
    (chest,) = (f for f in env.layout.fixtures if f.role == "drawer")
    assert 0.88 <= chest.travel <= 1.0
    assert env.world.travel(SLIDE) == pytest.approx(chest.travel, abs=0.01)


def test_open_and_closed_end_at_their_shares(env):
    for travel, opened, closed in ((0.61, True, False), (0.59, False, False), (0.06, False, False), (0.04, False, True)):
        slide(env, travel)
        assert Opened("drawer", SLIDE)(env.world) is opened
        assert Closed("drawer", SLIDE)(env.world) is closed


def test_inside_moves_with_the_drawer(env):
    assert Inside("toy", "drawer")(env.world)
    slide(env, 0.0)  # the toy stays behind in the air, before the chest
    assert not env.world.inside("toy", "drawer")


@pytest.mark.parametrize(("axis", "sign"), [(0, 1), (0, -1), (1, 1), (1, -1)])
def test_inside_ends_at_the_walls_of_the_tray(env, axis, sign):
    room = KINDS["drawer_oak"].interior
    assert room
    half = (room.half_x, room.half_y)[axis]
    for off, expected in ((half - 0.002, True), (half + 0.002, False)):
        point = np.array([*room.centre, 0.05])
        point[axis] += sign * off
        put(env, "toy", env.world.pos("drawer_tray") + env.world.mat("drawer_tray") @ point)
        assert env.world.inside("toy", "drawer") is expected


def test_a_drawer_closed_without_the_toy_does_not_count(env):
    done = AllOf((Inside("toy", "drawer"), Closed("drawer", SLIDE)))
    toy_in_tray = env.world.mat("drawer_tray").T @ (env.world.pos("toy") - env.world.pos("drawer_tray"))
    slide(env, 0.0)
    assert not done(env.world)
    put(env, "toy", env.world.pos("drawer_tray") + env.world.mat("drawer_tray") @ toy_in_tray)
    assert done(env.world)


def test_the_handle_is_where_a_drawer_is_taken(env):
    before = env.world.grip("drawer")
    assert before == pytest.approx(env.world.site("drawer_grip"))
    slide(env, 0.0)
    assert (env.world.grip("drawer") - before)[1] > 0.1  # it went to the left with the drawer
    assert env.world.grip("toy") == pytest.approx(env.world.pos("toy"))

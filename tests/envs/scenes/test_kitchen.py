"""The kitchen as the cameras see it."""

from __future__ import annotations

import numpy as np
import pytest

from envs.cameras import CAMERA_SPECS
from envs.scenes.kitchen import BACK, CAMERAS, FRONT, SCENE, SHELF, TABLECLOTH, _tiles, _view
from envs.sim_env import SimEnv
from envs.types import Trial


@pytest.mark.parametrize("task", ["prepare_breakfast", "bread_from_pot", "bread_from_fridge"])
def test_whatever_the_task_names_is_seen_by_a_camera_beside_the_robot(task):
    env = SimEnv(task)
    env.reset(options={"trial": Trial(task, 0)})
    labels = env.segmentation()
    for k, name in enumerate(env.segments):
        assert max(int((labels[c] == k + 1).sum()) for c in ("left", "right")) > 100, name
    env.close()


def test_the_wrist_camera_and_the_lenses_are_those_of_every_scene():
    assert CAMERAS[2] == CAMERA_SPECS[2]
    assert [(c.name, c.model, c.fovy) for c in CAMERAS] == [(c.name, c.model, c.fovy) for c in CAMERA_SPECS]


def test_the_cameras_stand_alike_on_either_side_and_look_forward():
    left, right = CAMERAS[:2]
    assert np.allclose(np.multiply(left.pos, (1, -1, 1)), right.pos)
    assert np.allclose(np.multiply(left.target, (1, -1, 1)), right.target)
    assert left.target[0] > left.pos[0]


def test_the_counter_carries_what_stands_on_it():
    for fixture, half in ((SHELF, 0.17), (TABLECLOTH, 0.15)):
        assert fixture.pos[0] - half - fixture.jitter > FRONT
        assert fixture.pos[0] + half + fixture.jitter < BACK
    assert SCENE.name == "kitchen"


def test_the_painted_tiles_and_the_view_are_the_same_every_time():
    assert np.array_equal(_tiles(2, 5), _tiles(2, 5))
    assert _tiles(2, 5).shape == (48, 240, 3)
    view = _view(32)
    assert view[0, :, 2].mean() > 200 > view[-1, :, 2].mean()  # blue above, green below

from __future__ import annotations

import importlib.util
import sys
from multiprocessing import get_context
from pathlib import Path

import mujoco
import numpy as np
import pytest
from PIL import Image

from envs import assets

MESH = "grippers/meshes/robotiq_85_gripper/robotiq_arg2f_85_inner_knuckle_vis.stl"


@pytest.fixture
def empty_cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def _model(path: Path) -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    spec.add_mesh(name="mesh", file=str(path), inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL)
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname="mesh")
    return spec.compile()


def test_the_asset_folder_is_found_without_importing_robosuite():
    assert (assets.root() / "robots/panda/robot.xml").is_file()
    assert "robosuite" not in sys.modules


def test_a_missing_robosuite_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assets.root.cache_clear()
    try:
        with pytest.raises(ModuleNotFoundError, match=r"not installed; .*pip install robosuite==1\.5\.2"):
            assets.root()
    finally:
        assets.root.cache_clear()


def test_a_light_mesh_keeps_the_asked_share_of_faces_and_the_shape(empty_cache):
    source = assets.root() / MESH
    full, light = _model(source), _model(assets.light_mesh([source], 0.35))
    assert light.nmeshface == pytest.approx(0.35 * full.nmeshface, rel=0.1)
    # Axis-aligned boxes in the file's frame; the file is in millimetres.
    boxes = []
    for model in (full, light):
        rotation = np.zeros(9)
        mujoco.mju_quat2Mat(rotation, model.mesh_quat[0])
        vertices = model.mesh_vert @ rotation.reshape(3, 3).T + model.mesh_pos[0]
        boxes.append([vertices.min(0), vertices.max(0)])
    assert np.allclose(boxes[0], boxes[1], atol=0.5)


def test_a_light_copy_is_made_once_under_the_users_cache(empty_cache):
    path = assets.texture("light-wood", 32)
    made = path.stat().st_mtime_ns
    assert path.is_relative_to(empty_cache / "chatvla-workbench" / assets.CACHE_VERSION)
    assert assets.texture("light-wood", 32).stat().st_mtime_ns == made


def test_a_texture_has_the_asked_size_and_its_grain_is_bright_and_grey(empty_cache):
    with Image.open(assets.texture("light-wood", 48)) as image:
        assert image.size == (48, 48)
    with Image.open(assets.grain("light-wood", 48)) as image:
        pixels = np.asarray(image)
    assert (pixels == pixels[..., :1]).all()
    assert 0.8 < pixels.mean() / 255 < 0.97


def test_processes_that_race_for_the_same_copy_all_get_a_whole_one(empty_cache):
    with get_context("spawn").Pool(2) as pool:
        paths = pool.starmap(assets.texture, [("light-wood", 64)] * 4)
    assert len(set(paths)) == 1
    with Image.open(paths[0]) as image:
        image.load()
    assert [p.name for p in paths[0].parent.iterdir()] == [paths[0].name]  # nothing half-written is left behind

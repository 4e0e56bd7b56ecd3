from __future__ import annotations

import itertools
import json
from dataclasses import replace

import mujoco
import numpy as np
import pytest

from envs.cameras import CAMERA_SPECS, HEIGHT, WIDTH, Lens, add_cameras, calibrated, projection
from envs.geometry import quat_from_matrix
from envs.layout import Layout, Placed
from envs.robot import HOME_QPOS
from envs.scenes import SCENES
from envs.sim_env import SimEnv
from envs.tasks.toy import BASKET, BOX
from envs.types import CAMERAS, Trial

REGION = SCENES["toy"].region
FIXTURES = tuple(Placed(f.name, f.kinds[0], f.pos) for f in (BOX, BASKET))


@pytest.fixture(scope="module")
def at_home() -> tuple[mujoco.MjModel, mujoco.MjData]:
    spots = list(itertools.product(REGION.x, REGION.y))
    toys = tuple(Placed(f"block_{i}", "red_block", spot, 0.0) for i, spot in enumerate(spots))
    model = SCENES["toy"].build(Layout(toys, FIXTURES)).compile()
    data = mujoco.MjData(model)
    data.qpos[:7] = HOME_QPOS
    mujoco.mj_forward(model, data)
    return model, data


def _project(model: mujoco.MjModel, data: mujoco.MjData, camera: str, point: np.ndarray) -> tuple[float, float]:
    """(u, v) pixels of a world point (3,) m."""
    seen = data.camera(camera).xmat.reshape(3, 3).T @ (point - data.camera(camera).xpos)
    focal = HEIGHT / 2 / np.tan(np.radians(model.camera(camera).fovy[0]) / 2)
    assert seen[2] < 0
    return WIDTH / 2 - focal * seen[0] / seen[2], HEIGHT / 2 + focal * seen[1] / seen[2]


def _in_view(uv: tuple[float, float]) -> bool:
    return 0 <= uv[0] <= WIDTH and 0 <= uv[1] <= HEIGHT


def test_the_scene_holds_the_three_cameras_with_their_published_fields_of_view(at_home):
    model, _ = at_home
    assert tuple(c.name for c in CAMERA_SPECS) == CAMERAS
    assert [float(model.camera(n).fovy[0]) for n in CAMERAS] == [70, 70, 60]  # ZED 2, ZED 2, ZED Mini


@pytest.mark.parametrize("camera", ["left", "right"])
def test_a_table_camera_sees_every_start_place_and_both_containers(at_home, camera):
    model, data = at_home
    points = [data.body(f"block_{i}").xpos for i in range(4)]
    for name in ("box", "basket"):
        points += [data.body(name).xpos + [x, y, 0] for x in (-0.08, 0.08) for y in (-0.09, 0.09)]
    assert all(_in_view(_project(model, data, camera, p)) for p in points)


@pytest.mark.parametrize("camera", CAMERA_SPECS[:2], ids=lambda c: c.name)
def test_a_projection_puts_points_where_the_simulators_camera_sees_them(at_home, camera):
    model, data = at_home
    for point in ([0.5, 0.0, 0.0], [0.6, 0.25, 0.3], [0.4, -0.2, 0.1]):
        x, y, w = projection(camera) @ np.r_[point, 1]
        assert (x / w * WIDTH, y / w * HEIGHT) == pytest.approx(_project(model, data, camera.name, np.array(point)))


def test_a_projection_has_the_lens_that_was_measured():
    lens = Lens((200.0, 210.0), (150.0, 130.0))
    camera = replace(CAMERA_SPECS[0], lens=lens)
    ahead = np.subtract(camera.target, camera.pos)
    x, y, w = projection(camera) @ np.r_[camera.pos + ahead, 1]
    assert (x / w * WIDTH - 0.5, y / w * HEIGHT - 0.5) == pytest.approx(lens.centre)
    sideways = camera.rotation()[:, 0] * np.linalg.norm(ahead)  # as far as ahead: 45 degrees, one focal length
    x, _, w = projection(camera) @ np.r_[camera.pos + ahead + sideways, 1]
    assert x / w * WIDTH - 0.5 == pytest.approx(150 + 200)


def test_a_camera_that_moves_has_no_projection():
    with pytest.raises(ValueError, match="camera 'wrist' moves with"):
        projection(CAMERA_SPECS[2])


def test_the_wrist_camera_sees_both_fingertips_and_the_start_places_ahead(at_home):
    model, data = at_home
    tips = [data.geom(f"{side}_fingerpad_collision").xpos for side in ("left", "right")]
    left, right = (_project(model, data, "wrist", tip) for tip in tips)
    assert _in_view(left)
    assert _in_view(right)
    assert abs(left[1] - right[1]) < 2  # side by side: the picture is not rolled
    assert _in_view(_project(model, data, "wrist", np.array([0.54, 0.0, 0.02])))


def test_left_and_right_are_mirror_images(at_home):
    model, data = at_home
    for point in np.array([[0.5, 0.1, 0.0], [0.6, -0.2, 0.1]]):
        u, v = _project(model, data, "left", point)
        mirrored = _project(model, data, "right", point * [1, -1, 1])
        assert mirrored == pytest.approx((WIDTH - u, v), abs=1e-6)


@pytest.mark.parametrize("camera", ["left", "right"])
def test_a_4_cm_block_is_at_least_14_pixels_wide_wherever_it_starts(at_home, camera):
    model, data = at_home
    for i in range(4):
        centre = data.body(f"block_{i}").xpos
        corners = [centre + 0.02 * np.array(s) for s in itertools.product((-1, 1), repeat=3)]
        u = [_project(model, data, camera, corner)[0] for corner in corners]
        assert max(u) - min(u) >= 14


def _lens_file(tmp_path, **changes):
    camera = {"body": "world", "pos": [0.8, 0.3, 0.4], "quat": [1, 0, 0, 0], "focal": [200, 190], "centre": [166, 112]}
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps({"cameras": {"left": camera | changes}}))
    return path


def test_a_calibrated_camera_stands_and_sees_as_the_file_says(tmp_path):
    (left, right, _) = calibrated(_lens_file(tmp_path, quat=[0.9, 0.1, -0.3, 0.2]))
    assert left.pos == (0.8, 0.3, 0.4)
    np.testing.assert_allclose(quat_from_matrix(left.rotation()), np.array([0.9, 0.1, -0.3, 0.2]) / np.sqrt(0.95), atol=1e-12)
    assert right == CAMERA_SPECS[1]
    spec = mujoco.MjSpec()
    add_cameras(spec, (calibrated(_lens_file(tmp_path, pos=[0, 0, 0]))[0],))
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.02, 0, 0], pos=[0.1, 0.05, -1], rgba=[1, 0, 0, 1])
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    renderer = mujoco.Renderer(model, HEIGHT, WIDTH)
    renderer.update_scene(data, "left")
    v, u = np.nonzero(renderer.render()[..., 0])
    renderer.close()
    # The sphere's middle: u = cx + fx x / z, v = cy - fy y / z (y upwards); its outline is 0.1 px off a circle about that.
    assert (u.mean(), v.mean()) == pytest.approx((166 + 200 * 0.1, 112 - 190 * 0.05), abs=0.3)


@pytest.mark.parametrize(("changes", "message"), [({"pos": None}, "is no calibration"), ({"focal": [3]}, "is no calibration")])
def test_a_file_that_is_no_calibration_is_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        calibrated(_lens_file(tmp_path, **changes))


def test_a_calibration_of_an_unknown_camera_is_refused(tmp_path):
    path = _lens_file(tmp_path)
    path.write_text(path.read_text().replace("left", "front"))
    with pytest.raises(ValueError, match="has a camera 'front'; expected left, right, wrist"):
        calibrated(path)


def test_an_environment_is_built_with_the_cameras_of_a_calibration(tmp_path):
    env = SimEnv("sort_toys", cameras=False, calibration=_lens_file(tmp_path, pos=[0.8, 0.33, 0.4]))
    env.reset(options={"trial": Trial("sort_toys", 0)})
    assert env.model.camera("left").pos == pytest.approx([0.8, 0.33, 0.4])
    assert env.model.camera("right").pos == pytest.approx(CAMERA_SPECS[1].pos)
    with pytest.raises(ValueError, match="is no calibration"):
        SimEnv("sort_toys", calibration=tmp_path / "nowhere.json")

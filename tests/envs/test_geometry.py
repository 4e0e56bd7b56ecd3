"""Rotations obey their laws."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from envs.geometry import look_at, matrix_from_quat, matrix_from_rot6d, quat_from_matrix, rot6d_from_matrix, yaw_quat

MATRICES = Rotation.random(50, np.random.default_rng(0)).as_matrix()


def test_rot6d_round_trips():
    np.testing.assert_allclose(matrix_from_rot6d(rot6d_from_matrix(MATRICES)), MATRICES, atol=1e-12)


def test_rot6d_of_any_two_rows_is_a_rotation():
    m = matrix_from_rot6d(np.random.default_rng(0).normal(size=(50, 6)))
    np.testing.assert_allclose(m @ m.swapaxes(-1, -2), np.broadcast_to(np.eye(3), m.shape), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(m), 1)


@pytest.mark.parametrize("rot6d", [np.zeros(6), [1, 0, 0, 2, 0, 0]])
def test_rows_that_name_no_rotation_are_refused(rot6d):
    with pytest.raises(ValueError, match="names no rotation"):
        matrix_from_rot6d(rot6d)


def test_quaternions_agree_with_scipy():
    for m in MATRICES:
        x, y, z, w = Rotation.from_matrix(m).as_quat()
        expected = np.array([w, x, y, z]) * (1 if w >= 0 else -1)
        np.testing.assert_allclose(quat_from_matrix(m), expected, atol=1e-9)


def test_yaw_turns_x_towards_y():
    w, x, y, z = yaw_quat(np.pi / 2)
    np.testing.assert_allclose(Rotation.from_quat([x, y, z, w]).apply([1, 0, 0]), [0, 1, 0], atol=1e-12)


def test_a_camera_looks_along_its_minus_z_and_stands_upright():
    m = look_at([1, 0.4, 0.5], [0.5, 0, 0])
    np.testing.assert_allclose(-m[:, 2], np.array([-0.5, -0.4, -0.5]) / np.linalg.norm([0.5, 0.4, 0.5]))
    assert m[2, 0] == 0
    assert m[2, 1] > 0


def test_matrix_from_quat_is_the_inverse_of_quat_from_matrix():
    for m in MATRICES:
        np.testing.assert_allclose(matrix_from_quat(3 * quat_from_matrix(m)), m, atol=1e-12)

"""Rotations: rot6d (first two rows of R), quaternions wxyz, camera look-at."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def rot6d_from_matrix(matrix: ArrayLike) -> Array:
    """(..., 3, 3) rotation -> (..., 6): its first two rows (Zhou et al. 2019, arXiv 1812.07035)."""
    m = np.asarray(matrix, np.float64)
    return m[..., :2, :].reshape(*m.shape[:-2], 6)


def matrix_from_rot6d(rot6d: ArrayLike) -> Array:
    """(..., 6) -> (..., 3, 3) by Gram-Schmidt; the inverse of `rot6d_from_matrix`.

    Raises:
        ValueError: the two rows are zero or parallel, so no rotation is meant.
    """
    r = np.asarray(rot6d, np.float64)
    a, b = r[..., :3], r[..., 3:]
    norm_a = np.linalg.norm(a, axis=-1, keepdims=True)
    x = a / np.maximum(norm_a, 1e-12)
    b = b - (x * b).sum(-1, keepdims=True) * x
    norm_b = np.linalg.norm(b, axis=-1, keepdims=True)
    if (norm_a < 1e-6).any() or (norm_b < 1e-6).any():
        raise ValueError(f"rot6d {r.tolist()} has a zero row or two parallel rows, so it names no rotation")
    y = b / norm_b
    return np.stack([x, y, np.cross(x, y)], -2)


def quat_from_matrix(matrix: ArrayLike) -> Array:
    """(3, 3) rotation -> (4,) wxyz with w >= 0."""
    m = np.asarray(matrix, np.float64)
    k = np.array([
        [m[0, 0] + m[1, 1] + m[2, 2], 0, 0, 0],
        [m[2, 1] - m[1, 2], m[0, 0] - m[1, 1] - m[2, 2], 0, 0],
        [m[0, 2] - m[2, 0], m[1, 0] + m[0, 1], m[1, 1] - m[0, 0] - m[2, 2], 0],
        [m[1, 0] - m[0, 1], m[2, 0] + m[0, 2], m[2, 1] + m[1, 2], m[2, 2] - m[0, 0] - m[1, 1]],
    ])  # fmt: skip
    _, vectors = np.linalg.eigh(k, UPLO="L")
    quat = vectors[:, -1]
    return quat if quat[0] >= 0 else -quat


def matrix_from_quat(quat: ArrayLike) -> Array:
    """(4,) wxyz of any length but 0 -> (3, 3) rotation; the inverse of `quat_from_matrix`."""
    w, x, y, z = np.asarray(quat, np.float64) / np.linalg.norm(quat)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


def rotation_vector(matrix: ArrayLike) -> Array:
    """(3, 3) rotation -> (3,): its axis times its angle, 0 to pi rad."""
    w, *axis = quat_from_matrix(matrix)
    length = float(np.linalg.norm(axis))
    return np.zeros(3) if length < 1e-9 else np.array(axis) / length * 2 * np.arctan2(length, w)


def rotation_matrix(vector: ArrayLike) -> Array:
    """(3,) axis times angle in rad -> (3, 3), by Rodrigues' formula; the inverse of `rotation_vector`."""
    v = np.asarray(vector, np.float64)
    angle = float(np.linalg.norm(v))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = v / angle
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * (k @ k)


def yaw_quat(yaw: float) -> Array:
    """Rotation about +z by `yaw` rad, as wxyz."""
    return np.array([np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)])


def upside_down_quat(yaw: float) -> Array:
    """Half a turn about +x, then rotation about +z by `yaw` rad, as wxyz."""
    return np.array([0.0, np.cos(yaw / 2), np.sin(yaw / 2), 0.0])


def look_at(eye: ArrayLike, target: ArrayLike) -> Array:
    """(3, 3) orientation of a MuJoCo camera at `eye` that looks at `target`, upright (it looks along its -z)."""
    z = np.asarray(eye, np.float64) - np.asarray(target, np.float64)
    z /= np.linalg.norm(z)
    x = np.cross([0.0, 0.0, 1.0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], 1)

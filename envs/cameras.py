"""The three cameras as data: ZED 2 left and right of the table, ZED Mini at the wrist; 320x240, 15 Hz."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from envs.geometry import matrix_from_quat, quat_from_matrix
from envs.robot import HAND_BODY

WIDTH, HEIGHT = 320, 240
PIXEL = 1e-5  # m of the sensor; any value, the picture depends on ratios alone
XYZ = tuple[float, float, float]


@dataclass(frozen=True)
class Lens:
    """A measured pinhole, in pixels of the 320x240 picture; pixel (0, 0) is the middle of the upper left one."""

    focal: tuple[float, float]
    centre: tuple[float, float]


@dataclass(frozen=True)
class CameraSpec:
    """A camera that stands in `body` ("world" or the hand) at `pos` and looks at `target` with `up` upwards.

    `fovy`: vertical field of view in degrees, as published for the model; the sensor's 16:9 picture is cropped at its
    sides to 4:3, which leaves the vertical field as it is. `lens`: what calibration measured, in place of `fovy`.
    """

    name: str
    model: str
    body: str
    pos: XYZ
    target: XYZ
    fovy: float
    up: XYZ = (0.0, 0.0, 1.0)
    lens: Lens | None = None

    def rotation(self) -> np.ndarray:
        """(3, 3) orientation in `body`; the camera looks along its -z."""
        z = np.subtract(self.pos, self.target)
        z /= np.linalg.norm(z)
        x = np.cross(self.up, z)
        x /= np.linalg.norm(x)
        return np.stack([x, np.cross(z, x), z], 1)


# Fields of view: Stereolabs datasheets, ZED 2 (2.1 mm lens) 110 x 70, ZED Mini 90 x 60 degrees.
CAMERA_SPECS: tuple[CameraSpec, ...] = (
    CameraSpec("left", "ZED 2", "world", (0.81, 0.31, 0.39), (0.53, 0.12, -0.01), 70.0),
    CameraSpec("right", "ZED 2", "world", (0.81, -0.31, 0.39), (0.53, -0.12, -0.01), 70.0),
    CameraSpec("wrist", "ZED Mini", HAND_BODY, (0.075, 0.0, 0.010), (0.040, 0.0, 0.15), 60.0, up=(1.0, 0.0, 0.0)),
)


def add_cameras(spec: mujoco.MjSpec, cameras: tuple[CameraSpec, ...] = CAMERA_SPECS) -> None:
    """Adds the three cameras to a scene that holds the robot."""
    for camera in cameras:
        added = spec.body(camera.body).add_camera(
            name=camera.name, pos=camera.pos, quat=quat_from_matrix(camera.rotation()), fovy=camera.fovy
        )
        if camera.lens:
            added.resolution = [WIDTH, HEIGHT]
            added.sensor_size = [WIDTH * PIXEL, HEIGHT * PIXEL]
            added.focal_pixel = camera.lens.focal
            # MuJoCo's principal point says how far the picture's middle lies from the optical axis, not the reverse.
            added.principal_pixel = [(WIDTH - 1) / 2 - camera.lens.centre[0], (HEIGHT - 1) / 2 - camera.lens.centre[1]]


def calibrated(path: Path, cameras: tuple[CameraSpec, ...] = CAMERA_SPECS) -> tuple[CameraSpec, ...]:
    """`cameras` as a calibration file has them; one that it does not name stays as it is.

    The file (`python -m sim2real.calibration` writes it) is JSON: {"cameras": {name: {"body": "world" or the hand, "pos": m,
    "quat": wxyz, the camera looking along its -z with y up, "focal": [x, y], "centre": [x, y]: px of the 320x240 picture}}}.

    Raises:
        ValueError: no such file, or it is none.
    """
    try:
        found = json.loads(path.read_text())["cameras"]
        specs = {name: _measured(c) for name, c in found.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no calibration ({type(error).__name__}: {error}); `python -m sim2real.calibration solve` writes one") from error
    if unknown := set(specs) - {c.name for c in cameras}:
        raise ValueError(f"{path} has a camera {sorted(unknown)[0]!r}; expected {', '.join(c.name for c in cameras)}")
    return tuple(replace(c, **specs.get(c.name, {})) for c in cameras)


def projection(camera: CameraSpec) -> np.ndarray:
    """(3, 4): homogeneous points in the base frame (m) to shares of the picture, x to the right, y down, both 0 to 1.

    Raises:
        ValueError: the camera does not stand in the world.
    """
    if camera.body != "world":
        raise ValueError(f"camera {camera.name!r} moves with {camera.body!r}; only one that stands still has one projection")
    focal = HEIGHT / 2 / np.tan(np.radians(camera.fovy / 2))
    lens = camera.lens or Lens((focal, focal), ((WIDTH - 1) / 2, (HEIGHT - 1) / 2))
    (fx, fy), (cx, cy) = lens.focal, lens.centre
    shares = np.array([[fx / WIDTH, 0, (cx + 0.5) / WIDTH], [0, fy / HEIGHT, (cy + 0.5) / HEIGHT], [0, 0, 1]])
    seen = (camera.rotation() * [1, -1, -1]).T  # x to the right, y down, z ahead
    return shares @ np.c_[seen, -seen @ camera.pos]


def _measured(found: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `CameraSpec` that a calibration decides."""
    rotation, pos = matrix_from_quat(found["quat"]), np.array(found["pos"], float)
    (fx, fy), (cx, cy) = found["focal"], found["centre"]
    lens = Lens((fx, fy), (cx, cy))
    return {
        "body": found["body"], "pos": tuple(pos), "target": tuple(pos - rotation[:, 2]), "up": tuple(rotation[:, 1]),
        "fovy": float(np.degrees(2 * np.arctan(HEIGHT / 2 / lens.focal[1]))), "lens": lens,
    }  # fmt: skip

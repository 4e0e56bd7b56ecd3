"""The three cameras as data: ZED 2 left and right of the table, ZED Mini at the wrist; 320x240, 15 Hz."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from envs.geometry import quat_from_matrix
from envs.robot import HAND_BODY

WIDTH, HEIGHT = 320, 240
XYZ = tuple[float, float, float]


@dataclass(frozen=True)
class CameraSpec:
    """A camera that stands in `body` ("world" or the hand) at `pos` and looks at `target` with `up` upwards.

    `fovy`: vertical field of view in degrees, as published for the model; the sensor's 16:9 picture is cropped at its
    sides to 4:3, which leaves the vertical field as it is.
    """

    name: str
    model: str
    body: str
    pos: XYZ
    target: XYZ
    fovy: float
    up: XYZ = (0.0, 0.0, 1.0)

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
        spec.body(camera.body).add_camera(
            name=camera.name, pos=camera.pos, quat=quat_from_matrix(camera.rotation()), fovy=camera.fovy
        )


def projection(camera: CameraSpec) -> np.ndarray:
    """(3, 4): homogeneous points in the base frame (m) to shares of the picture, x to the right, y down, both 0 to 1.

    Raises:
        ValueError: the camera does not stand in the world.
    """
    if camera.body != "world":
        raise ValueError(f"camera {camera.name!r} moves with {camera.body!r}; only one that stands still has one projection")
    focal = 0.5 / np.tan(np.radians(camera.fovy / 2))  # in heights of the picture
    lens = np.array([[focal * HEIGHT / WIDTH, 0, 0.5], [0, focal, 0.5], [0, 0, 1]])
    seen = (camera.rotation() * [1, -1, -1]).T  # x to the right, y down, z ahead
    return lens @ np.c_[seen, -seen @ camera.pos]

"""What a calibration found as the file that simulated cameras are built from (`envs.cameras.calibrated` reads it)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.cameras import HEIGHT, WIDTH
from envs.geometry import quat_from_matrix
from envs.robot import HAND_BODY
from experiments.errors import UsageError
from sim2real.calibration.solve import Camera, Solution

RESULT_FILE = "calibration.json"
OPENCV_TO_MUJOCO = np.diag([1.0, -1.0, -1.0])  # y down, z forward -> y up, looking along -z; its own inverse
Array = NDArray[np.float64]


def write(solution: Solution, path: Path) -> None:
    """The file: per camera where it is and how it sees, and under `found` how well that is known."""
    cameras = {name: as_json(camera) | {"found": _found(solution, name)} for name, camera in solution.cameras.items()}
    path.write_text(json.dumps({"picture": [WIDTH, HEIGHT], "cameras": cameras}, indent=1) + "\n")


def as_json(camera: Camera) -> dict[str, Any]:
    """A camera's pose with MuJoCo's axes, and its lens in pixels of the 320x240 picture."""
    focal, centre = small_picture(camera)
    rotation = camera.camera_to_body[:3, :3] @ OPENCV_TO_MUJOCO
    return {
        "body": "world" if camera.body == "world" else HAND_BODY,
        "pos": np.round(camera.camera_to_body[:3, 3], 6).tolist(),
        "quat": np.round(quat_from_matrix(rotation), 8).tolist(),
        "focal": np.round(focal, 3).tolist(),
        "centre": np.round(centre, 3).tolist(),
    }


def small_picture(camera: Camera) -> tuple[Array, Array]:
    """Focal lengths and centre (2,), px, once the picture is cropped at its sides to 4:3 and brought to 320x240.

    Raises:
        UsageError: the picture is narrower than 4:3, which cannot be cropped at the sides.
    """
    width, height = camera.size
    scale = HEIGHT / height
    side = (width - WIDTH / scale) / 2
    if side < -0.5:
        raise UsageError(f"pictures of {width}x{height} are narrower than {WIDTH}:{HEIGHT}, expected as wide or wider")
    return camera.focal * scale, (camera.centre - [side, 0] + 0.5) * scale - 0.5


def _found(solution: Solution, name: str) -> dict[str, Any]:
    camera = solution.cameras[name]
    return {
        "size": list(camera.size),
        "focal": np.round(camera.focal, 3).tolist(),
        "centre": np.round(camera.centre, 3).tolist(),
        "pictures": sum(v.camera == name for v in solution.views),
        "rms_px": round(solution.rms(name), 4),
        "standard_error_mm": round(solution.sigma_mm[name], 4),
        "standard_error_deg": round(solution.sigma_deg[name], 5),
        "distortion_px": round(solution.distortion_px[name], 3),
    }

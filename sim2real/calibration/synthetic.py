"""Pictures of a board in the MuJoCo scene, by cameras that stand where nobody expects them: to try calibration without a robot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from envs import gl
from envs.cameras import CAMERA_SPECS, CameraSpec
from envs.geometry import quat_from_matrix, rotation_matrix
from envs.layout import Layout
from envs.robot import ARM_JOINTS
from envs.scenes import SCENES
from envs.types import CAMERAS
from sim2real.calibration.board import Board
from sim2real.calibration.captures import CaptureFolder, hand_poses
from sim2real.calibration.result import OPENCV_TO_MUJOCO, as_json
from sim2real.calibration.solve import Camera
from sim2real.calibration.sweep import board_in_hand, board_on_table, held_sweep, table_sweep

SIZE = (1280, 720)  # px, ZED's HD720
TRUTH_FILE = "truth.json"
SHIFT, TURN, FOCAL, CENTRE = 0.02, 3.0, 0.03, 8.0  # m, degrees, share, px: how far a true camera is from its specification, +-
SQUARE_PX, MARGIN_PX = 64, 16  # of the board's texture
PIXEL_NOISE, JOINT_NOISE = 3, 5e-5  # grey levels, +-; rad, standard deviation
Array = NDArray[np.float64]


def simulate(folder: Path, board: Board, poses: int, rng: np.random.Generator) -> dict[str, Camera]:
    """Fills a capture folder and writes what is true of its cameras beside it; gives the true cameras.

    `poses`: of the arm, with the board on the table, and as many with the board in the gripper.
    """
    cameras = hidden_cameras(folder, rng)
    captures, studio = CaptureFolder(folder, board), Studio(board, cameras)
    try:
        for holder, sweep in (("world", table_sweep), ("hand", held_sweep)):
            for i, joints in enumerate(sweep(board, poses, rng)):
                seen_by = seeing(holder, i)
                studio.place(joints, holder)
                measured = joints + rng.normal(0, JOINT_NOISE, len(joints))
                for name in seen_by:
                    noisy = studio.picture(name) + rng.integers(-PIXEL_NOISE, PIXEL_NOISE, (SIZE[1], SIZE[0], 1), np.int16, endpoint=True)
                    captures.add(name, np.clip(noisy, 0, 255).astype(np.uint8), measured, holder)
    finally:
        studio.close()
    return cameras


def hidden_cameras(folder: Path, rng: np.random.Generator) -> dict[str, Camera]:
    """Cameras that stand where nobody expects them; where, is written into the folder, beside their pictures."""
    cameras = {spec.name: true_camera(spec, rng) for spec in CAMERA_SPECS}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TRUTH_FILE).write_text(json.dumps({n: as_json(c) for n, c in cameras.items()}, indent=1) + "\n")
    return cameras


def true_camera(spec: CameraSpec, rng: np.random.Generator) -> Camera:
    """The camera of a specification as it might really be: displaced, turned, with a lens of its own."""
    pose = np.eye(4)
    pose[:3, :3] = rotation_matrix(np.radians(TURN) * rng.uniform(-1, 1, 3)) @ spec.rotation() @ OPENCV_TO_MUJOCO
    pose[:3, 3] = spec.pos + rng.uniform(-SHIFT, SHIFT, 3)
    focal = SIZE[1] / 2 / np.tan(np.radians(spec.fovy) / 2)
    centre = (np.array(SIZE) - 1) / 2 + rng.uniform(-CENTRE, CENTRE, 2)
    return Camera(spec.body, SIZE, focal * (1 + rng.uniform(-FOCAL, FOCAL)) * np.ones(2), centre, pose)


def seeing(holder: str, pose: int) -> tuple[str, ...]:
    """Which cameras take a picture of the board at the n-th pose of a sweep: where it lies still, the table cameras once."""
    return ("left", "right") if holder == "hand" else CAMERAS if pose == 0 else ("wrist",)


class Studio:
    """The toy scene without toys, a board, and cameras with these lenses; owns an OpenGL context."""

    def __init__(self, board: Board, cameras: dict[str, Camera]) -> None:
        gl.require()
        self.board = board
        scene = replace(SCENES["toy"], cameras=())
        spec = scene.build(Layout((), ()))
        spec.visual.global_.offwidth, spec.visual.global_.offheight = SIZE
        for name, camera in cameras.items():
            _add_camera(spec, name, camera)
        _add_board(spec, board)
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self._renderer = mujoco.Renderer(self.model, SIZE[1], SIZE[0])
        self._arm = [self.model.joint(j).qposadr[0] for j in ARM_JOINTS]

    def place(self, joint_pos: Array, holder: str) -> None:
        """Puts the arm at these joints (7,) rad, and the board on the table or into the gripper."""
        self.data.qpos[self._arm] = joint_pos
        at = board_on_table(self.board) if holder == "world" else hand_poses([joint_pos])[0] @ board_in_hand(self.board)
        self.data.mocap_pos[0], self.data.mocap_quat[0] = at[:3, 3], quat_from_matrix(at[:3, :3])
        mujoco.mj_forward(self.model, self.data)

    def picture(self, camera: str) -> NDArray[np.uint8]:
        """(720, 1280, 3) uint8 RGB."""
        self._renderer.update_scene(self.data, camera)
        return self._renderer.render()

    def close(self) -> None:
        """Free the OpenGL context."""
        self._renderer.close()


def _add_camera(spec: mujoco.MjSpec, name: str, camera: Camera) -> None:
    pose = camera.camera_to_body
    added = spec.body(camera.body).add_camera(name=name, pos=pose[:3, 3], quat=quat_from_matrix(pose[:3, :3] @ OPENCV_TO_MUJOCO))
    added.resolution, added.sensor_size = list(SIZE), [SIZE[0] / SIZE[1] * 0.001, 0.001]
    added.focal_pixel = camera.focal
    added.principal_pixel = (np.array(SIZE) - 1) / 2 - camera.centre


def _add_board(spec: mujoco.MjSpec, board: Board) -> None:
    """A sheet with the board's picture and a white margin, seen from its printed side."""
    picture = np.pad(board.picture(SQUARE_PX), MARGIN_PX, constant_values=255)
    height, width = picture.shape
    texture = spec.add_texture(name="board", type=mujoco.mjtTexture.mjTEXTURE_2D, width=width, height=height, nchannel=3)
    texture.data = np.repeat(picture[:, :, None], 3, 2).tobytes()
    material = spec.add_material(name="board", specular=0.0, shininess=0.0, emission=0.4)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "board"
    scale = board.square / SQUARE_PX
    low, right, bottom = -MARGIN_PX * scale, (width - MARGIN_PX) * scale, (height - MARGIN_PX) * scale
    corners = [(low, low), (right, low), (right, bottom), (low, bottom)]
    # Two sheets 1 mm apart: a mesh must have a volume. Only the upper is seen, the lower is the board's back.
    vertices = [(x, y, z) for z in (0.0, 0.001) for x, y in corners]
    faces = [(0, 2, 1), (0, 3, 2), (4, 5, 6), (4, 6, 7)] + [f for i in range(4) for f in ((i, (i + 1) % 4, (i + 1) % 4 + 4), (i, (i + 1) % 4 + 4, i + 4))]
    across = [(0, 0), (1, 0), (1, 1), (0, 1)] * 2
    spec.add_mesh(name="board", uservert=np.ravel(vertices), userface=np.ravel(faces), usertexcoord=np.ravel(across).astype(float))
    body = spec.worldbody.add_body(name="board", mocap=True)
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname="board", material="board", contype=0, conaffinity=0)



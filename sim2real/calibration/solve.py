"""From pictures of a board to cameras: OpenCV's first guess, then all pictures of all cameras in one least-squares problem.

Unknown are each camera (focal lengths, centre, camera_to_body) and each placement of the board (board_to_holder); where the
hand is, the joints say. A pixel that camera c sees of a board point x is

    pixel = lens_c( inv(body_to_base camera_to_body_c) holder_to_base board_to_holder_p x )

with body and holder each the world or the hand. So the wrist camera over a board on the table (eye in hand), a table camera
before a board in the gripper (eye to hand), and cameras that share a board are terms of one sum and support each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, least_squares

from envs.geometry import rotation_matrix, rotation_vector
from experiments.errors import UsageError
from sim2real.calibration import vision
from sim2real.calibration.board import Board
from sim2real.calibration.captures import BODY_OF

Array = NDArray[np.float64]
LEAST_CORNERS = 8  # in a picture that is used
LEAST_PICTURES = 3  # of a camera, with the board tilted differently in each
LEAST_MOTION = 8.0  # degrees between two hand poses, about two axes: below, hand-eye has no solution
OUTLIER_PX = 1.0  # residuals beyond count less and less (soft L1)


@dataclass(frozen=True)
class View:
    """A picture in which the board was found: corner ids (n,), pixels (n, 2), where the hand was (4, 4)."""

    camera: str
    image: str
    holder: str
    placement: str
    hand_to_base: Array
    ids: NDArray[np.int64]
    pixels: Array

    @property
    def held(self) -> tuple[str, str]:
        """Which pose of the board on what."""
        return self.holder, self.placement


@dataclass(frozen=True)
class Camera:
    """A camera as found, with OpenCV's axes (x right, y down, z forward); `body` "world" or the hand.

    `focal`, `centre`: (2,) px of the pictures it was found from, whose `size` is (width, height).
    """

    body: str
    size: tuple[int, int]
    focal: Array
    centre: Array
    camera_to_body: Array

    @property
    def matrix(self) -> Array:
        """(3, 3), OpenCV's camera matrix."""
        return np.array([[self.focal[0], 0, self.centre[0]], [0, self.focal[1], self.centre[1]], [0, 0, 1.0]])


@dataclass(frozen=True)
class Solution:
    """`residuals[i]`: (n, 2) px, seen - predicted, of view i. `sigma_mm`, `sigma_deg`: standard error of each camera's pose.

    `distortion_px`: how far a radially distorted lens would move the corners at most, which rectified pictures hardly show.
    """

    cameras: dict[str, Camera]
    boards: dict[tuple[str, str], Array]
    views: tuple[View, ...]
    residuals: tuple[Array, ...]
    sigma_mm: dict[str, float]
    sigma_deg: dict[str, float]
    distortion_px: dict[str, float]

    def rms(self, camera: str) -> float:
        """Root mean square distance in px between the corners of a camera's pictures and where they should be."""
        own = np.concatenate([r for v, r in zip(self.views, self.residuals, strict=True) if v.camera == camera])
        return float(np.sqrt((own**2).sum(1).mean()))


def solve(board: Board, views: Sequence[View], sizes: Mapping[str, tuple[int, int]]) -> Solution:
    """All cameras that the views are of; `sizes`: width and height of their pictures.

    Raises:
        UsageError: too few pictures of a camera, or nothing ties it to the robot.
    """
    used = tuple(v for v in views if len(v.ids) >= LEAST_CORNERS)
    names = list(dict.fromkeys(v.camera for v in views))
    cameras, distortion = {}, {}
    for name in names:
        own = [v for v in used if v.camera == name]
        if len(own) < LEAST_PICTURES:
            raise UsageError(
                f"camera '{name}' has {len(own)} pictures with at least {LEAST_CORNERS} corners of the board, expected "
                f"{LEAST_PICTURES} or more, each with the board tilted differently"
            )
        points = [board.corners()[v.ids] for v in own]
        matrix, radial = vision.lens(points, [v.pixels for v in own], sizes[name])
        distortion[name] = max(_moved(v.pixels, matrix, radial) for v in own)
        cameras[name] = Camera(BODY_OF[name], sizes[name], matrix[[0, 1], [0, 1]], matrix[:2, 2], np.eye(4))
    cameras, boards = _first_guess(board, used, cameras)
    problem = _Problem(board, used, list(cameras), list(boards))
    fit = least_squares(
        problem.residuals, problem.pack(cameras, boards), args=(cameras,), loss="soft_l1", f_scale=OUTLIER_PX, x_scale="jac", method="trf"
    )
    cameras, boards = problem.unpack(fit.x, cameras)
    flat = problem.residuals(fit.x, cameras)
    ends = np.cumsum([2 * len(v.ids) for v in used])[:-1]
    errors = problem.standard_errors(fit, flat)
    return Solution(
        cameras, boards, used, tuple(part.reshape(-1, 2) for part in np.split(flat, ends)),
        {n: 1000 * float(np.linalg.norm(errors[n][3:])) for n in cameras},
        {n: float(np.degrees(np.linalg.norm(errors[n][:3]))) for n in cameras}, distortion,
    )  # fmt: skip


class _Problem:
    """The unknowns as one vector: per camera focal 2, centre 2, turn 3, shift 3; per placement turn 3, shift 3."""

    def __init__(self, board: Board, views: Sequence[View], names: list[str], placements: list[tuple[str, str]]) -> None:
        self.views, self.names, self.placements = views, names, placements
        self.points = [np.c_[board.corners()[v.ids], np.ones(len(v.ids))].T for v in views]
        self.base_to_hand = [np.linalg.inv(v.hand_to_base) for v in views]

    def pack(self, cameras: Mapping[str, Camera], boards: Mapping[tuple[str, str], Array]) -> Array:
        parts = [np.r_[c.focal, c.centre, _vector(c.camera_to_body)] for c in (cameras[n] for n in self.names)]
        return np.concatenate([*parts, *(_vector(boards[p]) for p in self.placements)])

    def unpack(self, x: Array, cameras: Mapping[str, Camera]) -> tuple[dict[str, Camera], dict[tuple[str, str], Array]]:
        count = 10 * len(self.names)
        found = {
            n: Camera(cameras[n].body, cameras[n].size, v[:2], v[2:4], _matrix(v[4:]))
            for n, v in zip(self.names, x[:count].reshape(-1, 10), strict=True)
        }
        return found, {p: _matrix(v) for p, v in zip(self.placements, x[count:].reshape(-1, 6), strict=True)}

    def residuals(self, x: Array, cameras: Mapping[str, Camera]) -> Array:
        """(2 * corners,) px: seen - predicted."""
        found, boards = self.unpack(x, cameras)
        body_to_camera = {n: np.linalg.inv(c.camera_to_body) for n, c in found.items()}
        parts = []
        for view, points, base_to_hand in zip(self.views, self.points, self.base_to_hand, strict=True):
            camera = found[view.camera]
            holder_to_body = _holder_to_body(view, camera, base_to_hand)
            seen = (body_to_camera[view.camera] @ holder_to_body @ boards[view.held] @ points)[:3]
            parts.append((view.pixels - (camera.focal * (seen[:2] / seen[2]).T + camera.centre)).ravel())
        return np.concatenate(parts)

    def standard_errors(self, fit: OptimizeResult, residuals: Array) -> dict[str, Array]:
        """(6,) turn (rad) and shift (m) per camera, if the only errors were those of the corners, as large as they are."""
        freedom = max(1, len(residuals) - len(fit.x))
        covariance = np.linalg.pinv(fit.jac.T @ fit.jac) * float(residuals @ residuals) / freedom
        sigma = np.sqrt(np.diag(covariance))[: 10 * len(self.names)].reshape(-1, 10)
        return {n: row[4:] for n, row in zip(self.names, sigma, strict=True)}


def _holder_to_body(view: View, camera: Camera, base_to_hand: Array) -> Array:
    """(4, 4): from the frame that the board is fixed in to the one that the camera is fixed in."""
    on_hand, in_hand = camera.body != "world", view.holder == "hand"
    if on_hand == in_hand:
        return np.eye(4)
    return base_to_hand if on_hand else view.hand_to_base


def _first_guess(
    board: Board, views: Sequence[View], cameras: dict[str, Camera]
) -> tuple[dict[str, Camera], dict[tuple[str, str], Array]]:
    """Cameras by hand-eye where board and camera move against each other, the others over boards that both see."""
    seen = [vision.board_pose(board.corners()[v.ids], v.pixels, cameras[v.camera].matrix) for v in views]
    placed: dict[str, Array] = {}
    groups: dict[tuple[str, tuple[str, str]], list[int]] = defaultdict(list)
    for i, view in enumerate(views):
        if (cameras[view.camera].body == "world") == (view.holder == "hand"):
            groups[view.camera, view.held].append(i)
    for (name, _), members in sorted(groups.items(), key=lambda g: -len(g[1])):
        hands = [views[i].hand_to_base for i in members]
        if name not in placed and _moves_enough(hands):
            moved = hands if cameras[name].body != "world" else [np.linalg.inv(h) for h in hands]
            placed[name] = vision.hand_eye(moved, [seen[i] for i in members])
    boards: dict[tuple[str, str], Array] = {}
    for _ in range(len(cameras) + 1):  # each round reaches the neighbours of what is known
        for view, board_to_camera in zip(views, seen, strict=True):
            body_to_holder = np.linalg.inv(_holder_to_body(view, cameras[view.camera], np.linalg.inv(view.hand_to_base)))
            if view.camera in placed:
                boards.setdefault(view.held, body_to_holder @ placed[view.camera] @ board_to_camera)
            elif view.held in boards:
                placed[view.camera] = np.linalg.inv(body_to_holder) @ boards[view.held] @ np.linalg.inv(board_to_camera)
    if lost := [n for n in cameras if n not in placed]:
        raise UsageError(
            f"nothing ties camera '{lost[0]}' to the robot: give pictures in which the board moves with the arm against it (the wrist "
            f"camera over a board on the table, a table camera before a board in the gripper; {LEAST_PICTURES} or more hand poses, "
            f"turned by {LEAST_MOTION:g} degrees or more about different axes), or of a board that another camera sees too"
        )
    found = {n: Camera(c.body, c.size, c.focal, c.centre, placed[n]) for n, c in cameras.items()}
    return found, boards


def _moves_enough(hands: Sequence[Array]) -> bool:
    """Whether the hand turns about two axes or more by LEAST_MOTION, which hand-eye rests on (Tsai and Lenz 1989)."""
    if len(hands) < LEAST_PICTURES:
        return False
    turns = np.array([rotation_vector(hands[0][:3, :3].T @ h[:3, :3]) for h in hands[1:]])
    spread = np.linalg.svd(turns, compute_uv=False)
    return len(spread) > 1 and bool(np.degrees(spread[1]) > LEAST_MOTION)


def _moved(pixels: Array, matrix: Array, radial: Array) -> float:
    """Largest displacement in px of these pixels under radial distortion (k1, k2)."""
    focal, centre = matrix[[0, 1], [0, 1]], matrix[:2, 2]
    at = (pixels - centre) / focal
    r2 = (at**2).sum(1, keepdims=True)
    return float(np.linalg.norm(at * (radial[0] * r2 + radial[1] * r2**2) * focal, axis=1).max())


def _vector(pose: Array) -> Array:
    return np.r_[rotation_vector(pose[:3, :3]), pose[:3, 3]]


def _matrix(vector: Array) -> Array:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation_matrix(vector[:3]), vector[3:]
    return pose

"""The least-squares problem on corners that are known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from envs.cameras import CAMERA_SPECS
from envs.geometry import rotation_vector
from experiments.errors import UsageError
from sim2real.calibration.board import Board
from sim2real.calibration.captures import hand_poses
from sim2real.calibration.solve import View, solve
from sim2real.calibration.sweep import board_in_hand, board_on_table, held_sweep, table_sweep
from sim2real.calibration.synthetic import SIZE, true_camera

BOARD = Board()
AT = {"world": board_on_table(BOARD), "hand": board_in_hand(BOARD)}
CAMERAS = {spec.name: true_camera(spec, np.random.default_rng(i)) for i, spec in enumerate(CAMERA_SPECS)}
SIZES = dict.fromkeys(CAMERAS, SIZE)


def view(name, hand, holder, noise=0.0, rng=None, bend=0.0):
    """What a camera sees of the board: the corners inside its picture, with noise (px) or a bent lens (k1)."""
    camera = CAMERAS[name]
    to_base = hand if camera.body != "world" else np.eye(4)
    board = (hand if holder == "hand" else np.eye(4)) @ AT[holder]
    seen = np.linalg.inv(to_base @ camera.camera_to_body) @ board @ np.c_[BOARD.corners(), np.ones(24)].T
    at = (seen[:2] / seen[2]).T
    pixels = camera.focal * at * (1 + bend * (at**2).sum(1, keepdims=True)) + camera.centre
    inside = (seen[2] > 0.05) & (pixels >= 0).all(1) & (pixels < SIZE).all(1) & (board[2, 2] < 0.99)
    ids = np.flatnonzero(inside)
    noisy = pixels[ids] + (rng.normal(0, noise, (len(ids), 2)) if rng is not None else 0)
    return View(name, "x.png", holder, "0", hand, ids, noisy)


@pytest.fixture(scope="module")
def hands():
    rng = np.random.default_rng(7)
    return hand_poses(table_sweep(BOARD, 8, rng)), hand_poses(held_sweep(BOARD, 10, rng))


def both_sweeps(hands, **seen):
    table, held = hands
    views = [view("wrist", h, "world", **seen) for h in table] + [view(n, table[0], "world", **seen) for n in ("left", "right")]
    return views + [view(n, h, "hand", **seen) for h in held for n in ("left", "right")]


def off(solution, name):
    found, true = solution.cameras[name].camera_to_body, CAMERAS[name].camera_to_body
    turn = rotation_vector(found[:3, :3] @ true[:3, :3].T)
    return 1000 * np.linalg.norm(found[:3, 3] - true[:3, 3]), np.degrees(np.linalg.norm(turn))


def test_exact_corners_give_the_exact_cameras(hands):
    solution = solve(BOARD, both_sweeps(hands), SIZES)
    for name, true in CAMERAS.items():
        assert off(solution, name) == pytest.approx((0, 0), abs=1e-3)
        np.testing.assert_allclose(solution.cameras[name].matrix, true.matrix, atol=1e-2)
        assert solution.rms(name) < 1e-3
    np.testing.assert_allclose(solution.boards["hand", "0"], AT["hand"], atol=1e-5)


def test_the_standard_error_tells_how_far_noise_throws_a_camera(hands):
    ratios = []
    for seed in range(4):
        solution = solve(BOARD, both_sweeps(hands, noise=0.2, rng=np.random.default_rng(seed)), SIZES)
        ratios += [off(solution, n)[0] / solution.sigma_mm[n] for n in CAMERAS]
    assert 0.4 < np.sqrt(np.mean(np.square(ratios))) < 1.8


def test_a_corner_that_was_taken_for_another_does_not_spoil_the_result(hands):
    views = both_sweeps(hands, noise=0.1, rng=np.random.default_rng(0))
    views[0].pixels[3] += 25.0
    assert off(solve(BOARD, views, SIZES), "wrist")[0] < 1.0


def test_a_bent_lens_is_noticed(hands):
    straight, bent = (solve(BOARD, both_sweeps(hands, bend=k), SIZES) for k in (0.0, -0.15))
    assert max(straight.distortion_px.values()) < 0.1
    assert min(bent.distortion_px.values()) > 1.5


def test_table_cameras_are_tied_to_the_robot_by_the_wrist_camera_over_a_board_that_all_see(hands):
    table, held = hands
    views = [view("wrist", h, "world") for h in table]
    # Boards that somebody holds before the camera give its lens; where they were, nobody knows.
    loose = [View("left", "x.png", "world", f"loose {i}", v.hand_to_base, v.ids, v.pixels) for i, v in enumerate(view("left", h, "hand") for h in held)]
    solution = solve(BOARD, [*views, view("left", table[0], "world"), *loose], SIZES)
    assert off(solution, "left") == pytest.approx((0, 0), abs=1e-2)
    with pytest.raises(UsageError, match="nothing ties camera 'left' to the robot"):
        solve(BOARD, [*views, *loose], SIZES)


def test_an_arm_that_only_shifts_its_hand_ties_nothing(hands):
    moved = []
    for i in range(6):
        hand = hands[0][0].copy()
        hand[:3, 3] += [0.01 * i, 0.004 * i * i, 0]
        moved.append(view("wrist", hand, "world"))
    with pytest.raises(UsageError, match="turned by 8 degrees or more about different axes"):
        solve(BOARD, moved, SIZES)


def test_too_few_pictures_are_refused(hands):
    with pytest.raises(UsageError, match=r"camera 'wrist' has 2 pictures .* expected 3 or more"):
        solve(BOARD, [view("wrist", h, "world") for h in hands[0][:2]], SIZES)

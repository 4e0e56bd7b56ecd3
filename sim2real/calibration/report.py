"""What a calibration found, as a table and as a page with a picture of every camera's residuals."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from envs.cameras import CAMERA_SPECS
from envs.geometry import matrix_from_quat, rotation_vector
from envs.imaging import encode_png
from experiments.report_style import document, html_table, section
from sim2real.calibration.captures import Capture, read_image
from sim2real.calibration.solve import OUTLIER_PX, Solution

MAGNIFIED = 40  # times, of residuals in the picture
RMS_PX, DISTORTION_PX = 0.5, 1.5  # beyond, something is wrong: measured on rendered pictures 0.1-0.35 and 0.3-0.5
NOTE = (
    "rms: between the corners that were seen and where they should be. Error: one standard error of the pose if only the corners were "
    "wrong; what the arm's own kinematics add (a Franka's repeat to 0.1 mm and are true to about 1 mm) shows in rms alone. "
    "Moved: how far the camera stands from its specification."
)
PICTURE_NOTE = f"A picture of each camera with the corners of all its pictures: green where seen; the red line is the residual, {MAGNIFIED} times as long."


def table(solution: Solution) -> list[list[str]]:
    """Header and lines: a camera each."""
    lines = [["camera", "pictures", "corners", "rms, px", "focal, px", "centre, px", "position, m", "error", "moved"]]
    for name, camera in solution.cameras.items():
        own = [v for v in solution.views if v.camera == name]
        moved = difference(solution, name, {c.name: (c.rotation(), np.array(c.pos)) for c in CAMERA_SPECS}[name])
        lines.append([
            name, str(len(own)), str(sum(len(v.ids) for v in own)), f"{solution.rms(name):.2f}", _pair(camera.focal), _pair(camera.centre),
            " ".join(f"{v:.4f}" for v in camera.camera_to_body[:3, 3]),
            f"{solution.sigma_mm[name]:.2f} mm {solution.sigma_deg[name]:.3f} deg", f"{moved[0]:.1f} mm {moved[1]:.2f} deg",
        ])  # fmt: skip
    return lines


def difference(solution: Solution, name: str, other: tuple[NDArray[np.float64], NDArray[np.float64]]) -> tuple[float, float]:
    """mm and degrees between a found camera and a rotation (3, 3), with MuJoCo's axes, and position (3,) m in the same body."""
    found = solution.cameras[name].camera_to_body
    turn = found[:3, :3] @ np.diag([1.0, -1, -1]) @ other[0].T
    return 1000 * float(np.linalg.norm(found[:3, 3] - other[1])), float(np.degrees(np.linalg.norm(rotation_vector(turn))))


def doubts(solution: Solution) -> list[str]:
    """What a reader should know before believing the numbers."""
    told = []
    for name in solution.cameras:
        if solution.rms(name) > RMS_PX:
            told.append(f"{name}: rms {solution.rms(name):.2f} px, expected below {RMS_PX}. Did the board bend, or move between pictures of one placement; did the arm stand still; is square_mm right?")
        if solution.distortion_px[name] > DISTORTION_PX:
            told.append(f"{name}: the pictures are bent by up to {solution.distortion_px[name]:.1f} px. Give rectified pictures (the ZED SDK's VIEW.LEFT): simulated cameras have no distortion")
        far = [v.image for v, r in zip(solution.views, solution.residuals, strict=True) if v.camera == name and np.median(np.abs(r)) > OUTLIER_PX]
        if far:
            told.append(f"{name}: {', '.join(far)} fit badly; look at them, and take them out if the arm or the board moved")
    return told


def against_truth(solution: Solution, truth: Path) -> list[list[str]]:
    """Header and lines: how far each camera is from the one that made the pictures (synthetic folders know it)."""
    lines = [["camera", "position off, mm", "turned, deg"]]
    for name, true in json.loads(truth.read_text()).items():
        if name in solution.cameras:
            mm, deg = difference(solution, name, (matrix_from_quat(true["quat"]), np.array(true["pos"])))
            lines.append([name, f"{mm:.2f}", f"{deg:.3f}"])
    return lines


def page(solution: Solution, captures: Sequence[Capture], folder: Path, command: str, truth: Sequence[Sequence[str]] | None) -> str:
    """The whole page."""
    pictures = residual_pictures(solution, captures, folder)
    cards = "".join(f"<figure><img alt='{n} camera' src='data:image/png;base64,{base64.b64encode(encode_png(p)).decode()}'><figcaption>{n}, rms {solution.rms(n):.2f} px</figcaption></figure>" for n, p in pictures.items())
    body = [
        f"<header><p class='kind'>Calibration</p><h1>{html.escape(folder.name)} <span>{len(solution.views)} pictures</span></h1></header>",
        section("Cameras", html_table(table(solution)) + f"<p class='note'>{NOTE}</p>"),
    ]
    if told := doubts(solution):
        body.append(section("Doubts", "<ul>" + "".join(f"<li>{html.escape(t)}</li>" for t in told) + "</ul>"))
    if truth:
        body.append(section("Against the truth", html_table(truth)))
    body.append(section("Residuals", f"<div class='videos'>{cards}</div><p class='note'>{PICTURE_NOTE}</p>"))
    body.append(section("Provenance", f"<dl><dt>command</dt><dd>{html.escape(command)}</dd></dl>"))
    return document(f"Calibration {folder.name}", body)


def residual_pictures(solution: Solution, captures: Sequence[Capture], folder: Path) -> Mapping[str, NDArray[np.uint8]]:
    """Camera -> (h, w, 3) uint8: its first used picture, darkened, with all corners that it saw and their residuals."""
    drawn = {}
    by_image = {c.image: c for c in captures}
    for name in solution.cameras:
        own = [(v, r) for v, r in zip(solution.views, solution.residuals, strict=True) if v.camera == name]
        image = Image.fromarray((read_image(folder, by_image[own[0][0].image]) * 0.6).astype(np.uint8))
        draw = ImageDraw.Draw(image)
        for view, residuals in own:
            for (x, y), (dx, dy) in zip(view.pixels, residuals, strict=True):
                draw.line((x, y, x - MAGNIFIED * dx, y - MAGNIFIED * dy), (255, 90, 70), 2)
                draw.ellipse((x - 3, y - 3, x + 3, y + 3), outline=(110, 240, 150), width=2)
        drawn[name] = np.asarray(image)
    return drawn


def _pair(values: NDArray[np.float64]) -> str:
    return f"{values[0]:.1f} {values[1]:.1f}"



"""Pictures of the tasks as they start, from all three cameras, as one sheet: what envs/README.md shows.

python -m experiments.contact_sheet --env stack_cubes,hang_cup --out outputs/scenes.jpg
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from envs.names import TASK_NAMES, checked_name
from envs.sim_env import SimEnv
from envs.types import CAMERAS, IMAGE_SHAPE, Trial

STRIP, GAP = 22, 6  # px: the name above each row of pictures, the space between rows
INK, PAPER = (40, 42, 46), (255, 255, 255)


def sheet(
    tasks: Sequence[str], trial: int = 0, shift: str = "none", columns: int = 1, cameras: Sequence[str] = CAMERAS
) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: what the cameras see of one test layout of each task, at quality "high"."""
    cells = [_cell(task, Trial(task, trial, shift=shift), cameras) for task in tasks]
    height, width, _ = cells[0].shape
    rows = -(-len(cells) // columns)
    page = np.full((rows * (height + GAP), columns * (width + GAP) - GAP, 3), 255, np.uint8)
    for i, cell in enumerate(cells):
        y, x = (i // columns) * (height + GAP), (i % columns) * (width + GAP)
        page[y : y + height, x : x + width] = cell
    return page


def _cell(task: str, trial: Trial, cameras: Sequence[str]) -> NDArray[np.uint8]:
    env = SimEnv(task, quality="high")
    observation, _ = env.reset(options={"trial": trial})
    pictures = np.concatenate([observation["pixels"][camera] for camera in cameras], 1)
    text = f"{task}: {env.instruction}" if len(cameras) > 1 else task  # one picture is too narrow for both
    env.close()
    image = Image.new("RGB", (pictures.shape[1], IMAGE_SHAPE[0] + STRIP), PAPER)
    image.paste(Image.fromarray(pictures), (0, STRIP))
    ImageDraw.Draw(image).text((2, STRIP / 2), text, INK, ImageFont.load_default(15), anchor="lm")
    return np.asarray(image)


def main() -> None:
    """Render and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="all", help="tasks, separated by commas, or all (default)")
    parser.add_argument("--trial", type=int, default=0, help="which test layout (default 0)")
    parser.add_argument("--shift", default="none", help="a robustness level (default none)")
    parser.add_argument("--columns", type=int, default=1)
    parser.add_argument("--out", default="outputs/scenes.jpg")
    args = parser.parse_args()
    try:
        tasks = TASK_NAMES if args.env == "all" else [checked_name(t, TASK_NAMES, "env") for t in args.env.split(",")]
    except ValueError as error:
        parser.error(str(error))
    out = Path(args.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet(tasks, args.trial, args.shift, args.columns)).save(out, quality=85)
    print(out)


if __name__ == "__main__":
    main()

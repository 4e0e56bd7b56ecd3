"""The command line: `python -m sim2real.calibration board | poses | simulate | record | solve`."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from experiments.errors import UsageError, check_name
from policy.arguments import parse
from sim2real.calibration import report, result, vision
from sim2real.calibration.board import Board, print_page
from sim2real.calibration.captures import CAPTURES_FILE, hand_poses, read_board, read_captures, read_image
from sim2real.calibration.solve import Solution, View, solve
from sim2real.calibration.sweep import held_sweep, table_sweep
from sim2real.calibration.synthetic import TRUTH_FILE, simulate

USAGE = """python -m sim2real.calibration WHAT [name=value ...]

  board      a page to print             out=outputs/board.pdf (or .png)  squares=7x5  square_mm=38
  poses      joints for the arm to take  out=outputs/poses.json  poses=15  squares=  square_mm=  seed=0
  simulate   a folder of pictures as cameras that stand elsewhere would take them, to try the rest without a robot
                                         out=outputs/calibration  poses=15  squares=  square_mm=  seed=0
  record     the same by a twin whose cameras stand elsewhere: its arm goes through the poses, its cameras are read, by the robot's drivers
                                         out=outputs/calibration  poses=15  squares=  square_mm=  seed=0
  solve      pictures -> calibration.json and report.html in the same folder
                                         captures=outputs/calibration  square_mm= (as measured on the print)"""


@dataclass(frozen=True)
class Options:
    """Every option of every command."""

    out: str = ""
    captures: str = "outputs/calibration"
    squares: str = "7x5"
    square_mm: float = 0.0
    poses: int = 15
    seed: int = 0

    @property
    def board(self) -> Board:
        """The board that `squares` and `square_mm` describe."""
        columns, by, rows = self.squares.partition("x")
        if not (by and columns.isdigit() and rows.isdigit()):
            raise UsageError(f"squares={self.squares}; expected columns x rows, such as 7x5")
        return Board(int(columns), int(rows), self.square_mm / 1000 if self.square_mm else Board.square)


def main(argv: Sequence[str]) -> int:
    """Run a command; the exit code: 0, or 2 for a mistake of the caller."""
    if not argv or {"-h", "--help"} & set(argv):
        print(USAGE)
        return 0
    try:
        command = COMMANDS[check_name(argv[0], COMMANDS, "command")]
        command(parse(argv[1:], f"sim2real.calibration {argv[0]}", Options), shlex.join(["python", "-m", "sim2real.calibration", *argv]))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def make_board(options: Options, command: str) -> None:
    """Writes the page to print."""
    path = Path(options.out or "outputs/board.pdf")
    paper = print_page(options.board, path)
    print(f"{path}: {paper[0]} x {paper[1]} mm; print it at 100 %, glue it to something flat, measure a square")


def make_poses(options: Options, command: str) -> None:
    """Writes joints of both sweeps."""
    path, rng = Path(options.out or "outputs/poses.json"), np.random.default_rng(options.seed)
    sweeps = {"world": table_sweep(options.board, options.poses, rng), "hand": held_sweep(options.board, options.poses, rng)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({k: np.round(v, 6).tolist() for k, v in sweeps.items()}) + "\n")
    print(f"{path}: {options.poses} joint positions (rad) with the board on the table ('world'), {options.poses} with the board in the gripper ('hand')")


def make_pictures(options: Options, command: str) -> None:
    """Fills a folder with synthetic pictures."""
    _fill(simulate, options)


def take_pictures(options: Options, command: str) -> None:
    """Fills a folder with pictures that a twin's cameras give."""
    from sim2real.calibration.recording import record_twin  # brings the drivers, which the other commands do without

    _fill(record_twin, options)


def _fill(make: Callable[[Path, Board, int, np.random.Generator], Any], options: Options) -> None:
    folder = Path(options.out or options.captures)
    if (folder / CAPTURES_FILE).exists():
        raise UsageError(f"{folder} holds pictures already; choose another out=")
    make(folder, options.board, options.poses, np.random.default_rng(options.seed))
    print(f"{folder}: pictures of {2 * options.poses} arm poses; now: python -m sim2real.calibration solve captures={folder}")


def find_cameras(options: Options, command: str) -> None:
    """Solves a folder and writes what was found."""
    folder = Path(options.captures)
    solution = solve_folder(folder, options.square_mm / 1000)
    result.write(solution, folder / result.RESULT_FILE)
    truth = report.against_truth(solution, folder / TRUTH_FILE) if (folder / TRUTH_FILE).exists() else None
    (folder / "report.html").write_text(report.page(solution, read_captures(folder), folder, command, truth))
    for lines in filter(None, (report.table(solution), truth)):
        _show(lines)
    print(*(f"doubt: {text}" for text in report.doubts(solution)), f"{folder / result.RESULT_FILE}", f"{folder / 'report.html'}", sep="\n")


def solve_folder(folder: Path, square: float = 0.0) -> Solution:
    """The cameras of a capture folder; `square` (m) overrides the board's, where it was measured on the print."""
    captures, board = read_captures(folder), read_board(folder)
    board = replace(board, square=square) if square else board
    hands, views, sizes = hand_poses(c.joint_pos for c in captures), [], {}
    for capture, hand in zip(captures, hands, strict=True):
        image = read_image(folder, capture)
        size = (image.shape[1], image.shape[0])
        if sizes.setdefault(capture.camera, size) != size:
            raise UsageError(f"{folder / capture.image} is {size[0]}x{size[1]}, earlier pictures of '{capture.camera}' are {sizes[capture.camera]}")
        found = vision.find_corners(image, board.columns, board.rows, board.square, board.marker)
        views.append(View(capture.camera, capture.image, capture.holder, capture.placement, hand, *found))
    return solve(board, views, sizes)


def _show(lines: Sequence[Sequence[str]]) -> None:
    shown = Table(*lines[0], box=None, pad_edge=False, header_style="dim")
    for line in lines[1:]:
        shown.add_row(*line)
    console = Console()
    console.print(shown, highlight=False, width=console.width if console.is_terminal else 160)


COMMANDS = {"board": make_board, "poses": make_poses, "simulate": make_pictures, "record": take_pictures, "solve": find_cameras}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

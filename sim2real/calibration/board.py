"""The ChArUco board: its measures, its picture, and a page to print it from at true size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from experiments.errors import UsageError
from sim2real.calibration import vision

MM_PER_INCH = 25.4
DPI = 300  # of the printed page
A4, A3 = (297, 210), (420, 297)  # mm, landscape
EDGE = 6  # mm that a printer cannot reach


@dataclass(frozen=True)
class Board:
    """`columns` x `rows` squares of `square` m, markers of 4x4 bits in the white ones.

    The default fills an A4 page: at the distance of the table cameras (0.65 m) a marker is 22 pixels wide in 1280x720.
    Its frame: origin in the corner of the first square, x along the columns, y along the rows, z into the paper.
    """

    columns: int = 7
    rows: int = 5
    square: float = 0.038

    def __post_init__(self) -> None:
        most = vision.MARKERS
        if self.columns < 3 or self.rows < 3 or self.columns * self.rows // 2 > most or not 0.005 <= self.square <= 0.5:
            raise UsageError(
                f"a board of {self.columns}x{self.rows} squares of {1000 * self.square:g} mm; expected at least 3x3, "
                f"at most {2 * most} squares, of 5 to 500 mm"
            )

    @property
    def marker(self) -> float:
        """Width of a marker in m: three quarters of its square."""
        return 0.75 * self.square

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in m."""
        return self.columns * self.square, self.rows * self.square

    def corners(self) -> NDArray[np.float64]:
        """(n, 3) m in the board's frame: the inner corners, by id."""
        y, x = np.mgrid[1 : self.rows, 1 : self.columns]
        return np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], 1) * self.square

    def picture(self, square_px: int) -> NDArray[np.uint8]:
        """(rows * square_px, columns * square_px) uint8: the board without a margin."""
        return vision.board_picture(self.columns, self.rows, self.square, self.marker, square_px)


def print_page(board: Board, path: Path) -> tuple[int, int]:
    """Writes a page (PDF, or PNG with its resolution) that prints the board at true size; the paper's size in mm.

    Raises:
        UsageError: the board is larger than A3, or the file is neither .pdf nor .png.
    """
    if path.suffix not in (".pdf", ".png"):
        raise UsageError(f"out={path}; expected a file that ends in .pdf or .png")
    wide, high = (1000 * v for v in board.size)
    paper = next((p for p in (A4, A3) if wide <= p[0] - 2 * EDGE and high <= p[1] - 2 * EDGE), None)
    if paper is None:
        raise UsageError(f"a board of {wide:.0f} x {high:.0f} mm fits on no A3 page; choose fewer or smaller squares")
    px = DPI / MM_PER_INCH
    page = Image.new("L", (round(paper[0] * px), round(paper[1] * px)), 255)
    picture = Image.fromarray(board.picture(64)).resize((round(wide * px), round(high * px)), Image.Resampling.NEAREST)
    page.paste(picture, ((page.width - picture.width) // 2, (page.height - picture.height) // 2))
    text = f"{board.columns} x {board.rows} squares of {1000 * board.square:g} mm: print at 100 %, glue to something flat, measure a square, give square_mm="
    draw = ImageDraw.Draw(page)
    draw.text((page.width / 2, page.height - 2.5 * px), text, 120, ImageFont.load_default(30), anchor="ms")
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path, dpi=(DPI, DPI), resolution=DPI)  # PNG reads the one, PDF the other
    return paper

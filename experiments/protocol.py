"""The paper's protocol as data: its 19 rows, its counts, and how a trial's steps become a score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

PROTOCOL_VERSION = "chatvla-528/1"  # 528 trials = 3 policies x 176; raise the number when a row, a rule or a count changes
PAPER = "ChatVLA, arXiv 2502.14420, Tables 2-4 (real robot)"
PAPER_POLICIES = ("Octo", "OpenVLA", "ChatVLA")
Z95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution


@dataclass(frozen=True)
class Row:
    """One row of evaluation.

    `counts[policy][i]`: trials of the paper in which steps 1..i+1 were all done. The paper prints rates; the counts are
    the only whole numbers over `trials` that round to them.
    """

    env: str
    tasks: str
    group: str  # direct | planner | multitask
    instruction: str
    steps: tuple[str, ...]
    trials: int
    counts: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Rate:
    """`value` = done / tried with its 95 % Wilson interval, over `trials` trials."""

    value: float
    low: float
    high: float
    trials: int


@dataclass(frozen=True)
class Score:
    """A policy's score in one row: trials that got as far as each step, and the mean fraction of steps done."""

    trials: int
    counts: tuple[int, ...]
    avg_len: Rate
    success: Rate


def wilson(done: float, trials: int) -> tuple[float, float]:
    """95 % Wilson score interval of `done` out of `trials` (Wilson 1927); (0, 1) when nothing was tried.

    `done` may be a sum of fractions: for values in [0, 1] the variance is at most p(1-p), so the interval is cautious.

    Raises:
        ValueError: `done` is negative or above `trials`.
    """
    if not 0 <= done <= trials:
        raise ValueError(f"{done} done of {trials} tried is no rate; expected 0 <= done <= tried")
    if trials == 0:
        return 0.0, 1.0
    p, z2 = done / trials, Z95 * Z95
    centre = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z95 / (1 + z2 / trials) * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials))
    # At p = 0 and p = 1 the bounds are exactly 0 and 1; rounding would leave 1e-17.
    return (0.0 if done == 0 else max(0.0, centre - half)), (1.0 if done == trials else min(1.0, centre + half))


def rate(done: float, trials: int) -> Rate:
    """`done / trials` with its interval; value 0 when nothing was tried."""
    return Rate(done / trials if trials else 0.0, *wilson(done, trials), trials)


def score_counts(counts: Sequence[int], trials: int) -> Score:
    """Score from step counts. Avg. Len. is the paper's: mean over trials of (steps done / steps).

    Raises:
        ValueError: a later step has more trials than an earlier one, which no sequence of steps can give.
    """
    counts = tuple(int(c) for c in counts)
    if any(b > a for a, b in zip((trials, *counts), counts, strict=False)):
        raise ValueError(f"step counts {counts} of {trials} trials rise; a step counts only after the ones before it")
    return Score(trials, counts, rate(sum(counts) / len(counts), trials), rate(counts[-1], trials))


def score_trials(steps_done: Sequence[int], steps: int) -> Score:
    """Score from the number of steps that each trial completed in order.

    Raises:
        ValueError: a trial claims more steps than the row has.
    """
    if bad := [n for n in steps_done if not 0 <= n <= steps]:
        raise ValueError(f"steps_done {bad} does not lie in 0..{steps}")
    return score_counts([sum(n >= i for n in steps_done) for i in range(1, steps + 1)], len(steps_done))


def paper_score(row: Row, policy: str) -> Score:
    """What the paper reports for one of `PAPER_POLICIES` in `row`."""
    return score_counts(row.counts[policy], row.trials)


def find_row(env: str) -> Row | None:
    """The protocol's row of an env, or None for an env that the paper does not score as a row of its own."""
    return next((row for row in ROWS if row.env == env), None)


def _counts(octo: Sequence[int], openvla: Sequence[int], chatvla: Sequence[int]) -> dict[str, tuple[int, ...]]:
    return dict(zip(PAPER_POLICIES, (tuple(octo), tuple(openvla), tuple(chatvla)), strict=True))


def _single(env: str, task: int, instruction: str, step: str, trials: int, octo: int, openvla: int, chatvla: int) -> Row:
    return Row(env, str(task), "multitask", instruction, (step,), trials, _counts([octo], [openvla], [chatvla]))


# fmt: off
ROWS: tuple[Row, ...] = (
    # Table 2: direct prompting. Task 3: 9 trials; the 15/15 of Table 8 fits neither Table 2 (ninths) nor the 528 trials.
    Row("sort_toys", "1", "direct", "Sort toys.",
        ("1 toy sorted", "2 toys sorted", "3 toys sorted", "4 toys sorted"), 13,
        _counts((3, 1, 0, 0), (2, 1, 0, 0), (12, 9, 4, 3))),
    Row("stack_cubes", "2", "direct", "Stack building blocks.",
        ("orange block on the yellow block", "pink block on the orange block"), 7,
        _counts((2, 1), (3, 1), (6, 3))),
    Row("toy_in_drawer", "3", "direct", "Place the toy in the drawer.",
        ("drawer open", "toy in the drawer", "drawer closed"), 9,
        _counts((1, 1, 1), (2, 1, 1), (9, 9, 9))),
    Row("clean_blocks", "4", "direct", "Clean building blocks to the box.",
        ("1 block in the box", "2 blocks in the box"), 6,
        _counts((3, 1), (3, 2), (5, 4))),
    # Table 3: a high-level planner sends the sub-tasks.
    Row("tidy_up", "5-8", "planner", "Move the block to the basket then put the toy into the drawer.",
        ("orange block in the basket", "drawer open", "toy in the drawer", "drawer closed"), 12,
        _counts((5, 3, 2, 1), (5, 4, 4, 2), (12, 11, 11, 11))),
    Row("two_blocks", "9-10", "planner", "Move two blocks to the basket sequentially.",
        ("semi-circle block in the basket", "rectangle block in the basket"), 9,
        _counts((3, 2), (4, 2), (8, 7))),
    Row("prepare_breakfast", "11-13", "planner", "Prepare the breakfast for me.",
        ("plate on the tablecloth", "mug upright on the tablecloth", "bread on the plate"), 13,
        _counts((2, 1, 0), (3, 1, 0), (9, 7, 7))),
    # Table 4: multi-tasking.
    _single("soap_to_box", 14, "Put the soap to the soap box.", "soap in the soap dish", 11, 3, 2, 6),
    _single("hang_cup_bathroom", 15, "Pick up the cup and hang it on the shelf.", "cup on a hook of the shelf", 6, 0, 0, 2),
    _single("toothpaste_to_table", 16, "Pick up the tooth-paste and put it on the table.", "toothpaste on the table", 9, 1, 2, 5),
    _single("take_towel", 17, "Remove the towel from the shelf.", "towel on the other towel", 7, 0, 1, 3),
    _single("bread_from_pot", 18, "Move the bread from the pot to the plate.", "bread on the plate", 11, 0, 1, 3),
    _single("bread_from_fridge", 19, "Pick up the bread from the refrigerator.", "bread out of the refrigerator", 11, 3, 4, 6),
    _single("banana_to_plate", 20, "Move the banana onto the plate.", "banana on the plate", 7, 1, 2, 4),
    _single("bread_to_empty_plate", 21, "Move the bread to the empty plate.", "bread on the empty plate", 9, 2, 1, 5),
    _single("hang_cup", 22, "Hang on the cup.", "mug on a hook of the rack", 7, 1, 1, 4),
    _single("ball_to_can", 23, "Move the tennis ball to the tennis can.", "ball in the can", 13, 2, 4, 6),
    _single("stack_green_on_pink", 24, "Stack the green cube onto the pink cube.", "green cube on the pink cube", 9, 2, 0, 4),
    _single("take_lid", 25, "Take away the lid of the box and put it on the table.", "lid on the table", 7, 3, 2, 7),
)
# fmt: on

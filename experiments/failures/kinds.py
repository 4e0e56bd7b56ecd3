"""The kinds of failure, and which one a step that was not done is, from what was seen of it.

The furthest that it came decides: an object that was taken and lost counts as lost, whatever was missed afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NEAR = 0.085  # m: the open fingers' span (Robotiq 2F-85); within it of where an object is grasped the hand is at the object
IDLE_S = 3.0  # of no motion, at the end of a trial: six of the policy's chunks
APPROACH = 0.02  # m nearer within the last second: on the way

# In the order of how far the step came.
MEANING = {
    "never_near": "the hand never came within 8.5 cm of where an object of this step is grasped",
    "not_closed": "it came there and never closed its fingers (or touched what it should push)",
    "missed_grasp": "it closed them there, beside the object",
    "wrong_object": "it took another object",
    "lost": "it took the object, which then slipped out of the closed fingers",
    "placed_wrong": "it let the object go (or left what it pushed) where it does not count",
    "stopped_early": "it stood still for the last 3 s, or said that all is done, and had failed at nothing else",
    "reflex": "the arm stopped itself, pushed with more than it may be (motion=smooth)",
    "timeout": "it still held the object, or was coming nearer to it than ever before, when time was up",
}
KINDS = tuple(MEANING)


@dataclass
class Attempt:
    """What was seen since a step was due. Distances in m, of the hand to where the object is grasped.

    `nearest`: the least one, to `object`; `before`, `now`: to the nearest object a second before the end, and at the end.
    `grasp_cm`: at the first closing. `taken`: the object of the step that was held last, and `let_go` (whether the fingers
    opened, m that it was then away from its place, horizontally) if it is not held any more. `wrong`: another that was held.
    """

    step: int
    object: str = ""
    nearest: float = float("inf")
    closed_near: bool = False
    grasp_cm: float | None = None
    taken: str | None = None
    let_go: tuple[bool, float] | None = None
    wrong: str | None = None
    before: float = float("inf")
    now: float = float("inf")


def kind_of(a: Attempt, stopped: bool) -> str:
    """The kind of a step that was not done; `stopped`: stood still at the end, or said that all is done."""
    if a.taken is not None:
        if a.let_go is None:
            return "stopped_early" if stopped else "timeout"
        return "placed_wrong" if a.let_go[0] else "lost"
    if a.wrong is not None:
        return "wrong_object"
    if a.closed_near:
        return "missed_grasp"
    if stopped:
        return "stopped_early"
    if a.now < a.before - APPROACH and a.now < a.nearest + APPROACH:  # nearer than ever, and still coming
        return "timeout"
    return "not_closed" if a.nearest < NEAR else "never_near"


def told(a: Attempt, stopped: bool, idle_s: float, outcome: str) -> dict[str, Any]:
    """The row's `failure`: step (from 1), kind, object, and what can be measured of it: cm, and s of standing still."""
    kind = "reflex" if outcome == "reflex" else kind_of(a, stopped)
    found = {
        "step": a.step, "kind": kind, "object": a.wrong if kind == "wrong_object" else a.taken or a.object,
        "nearest_cm": cm(a.nearest), "idle_s": round(idle_s, 2),
    }  # fmt: skip
    if a.grasp_cm is not None:
        found["grasp_cm"] = a.grasp_cm
    if a.let_go and kind in ("lost", "placed_wrong"):
        found["goal_cm"] = cm(a.let_go[1])
    return found


def cm(metres: float) -> float | None:
    """To 1 mm; None where nothing was measured."""
    return round(100 * metres, 1) if metres < float("inf") else None

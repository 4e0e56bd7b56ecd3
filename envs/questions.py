"""Questions about a scene, with answers from the simulator, asked only when the picture can show the answer.

Everything here is a pure function of facts (what is where), looks (what each camera's picture shows of it, counted in
the segmentation) and a random generator. Truths that a picture decides (left of, leftmost, cell) are taken in the
picture, in pixels at 160x120. `envs.llava` words the questions and writes them down.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

CELL = 20  # px; the picture has 8 columns x0-x7 and 6 rows y0-y5
PLURALS = {"animal": "animals", "block": "blocks"}  # categories that questions may name
Rng = np.random.Generator


@dataclass(frozen=True)
class Toy:
    """One kind of toy in words; `role` and `place` (of `Facts.places`, or "gripper") when it stands in a scene."""

    kind: str
    phrase: str  # "yellow duck"
    noun: str  # "duck"
    colour: str
    category: str  # "animal", "block", ...
    role: str = ""
    place: str = ""


@dataclass(frozen=True)
class Facts:
    """What is true of a scene."""

    toys: tuple[Toy, ...]
    kinds: tuple[Toy, ...]  # every kind that could be there
    reasoning: str  # what should be done next, as the policy says it
    target: str | None  # the role it is about; None when nothing is left to do
    places: Mapping[str, str] = field(default_factory=lambda: {"table": "on", "box": "in", "basket": "in"})
    """Where things may lie, and how: "in" or "on"."""

    @property
    def noun(self) -> str:
        """What all of the kinds are: "toy", or just "thing"."""
        return "toy" if all(kind.category in PLURALS for kind in self.kinds) else "thing"

    @property
    def held(self) -> Toy | None:
        """The toy in the gripper."""
        return next((t for t in self.toys if t.place == "gripper"), None)


@dataclass(frozen=True)
class Seen:
    """A thing in one picture: how many pixels show it, and the middle of them (u right, v down, px)."""

    pixels: int
    u: float = math.nan
    v: float = math.nan


@dataclass(frozen=True)
class Gates:
    """When a picture counts as showing something (px at 160x120)."""

    min_pixels: int = 12  # to be seen
    min_margin: float = 5.0  # between two things that are compared
    cell_margin: float = 1.0  # between a middle and the nearest border of its cell


@dataclass(frozen=True)
class Question:
    """`words` fill the family's wording; `key` chooses among its templates."""

    family: str
    words: Mapping[str, str]
    answer: str
    format: str = "open"
    key: str = ""
    accept: tuple[str, ...] = ()
    pair: int | None = None  # the number that opposite questions share
    margin: float | None = None


class View:
    """One picture's facts: which toys it shows, which it hides, and which are too small to ask about."""

    def __init__(self, facts: Facts, seen: Mapping[str, Seen], gates: Gates):
        self.facts, self.seen, self.gates = facts, seen, gates
        self.shown = tuple(t for t in facts.toys if self.pixels(t.role) >= gates.min_pixels)
        self.unclear = tuple(t for t in facts.toys if 0 < self.pixels(t.role) < gates.min_pixels)

    def pixels(self, name: str) -> int:
        return self.seen[name].pixels if name in self.seen else 0

    def u(self, toy: Toy) -> float:
        return self.seen[toy.role].u

    def by_u(self, toys: Iterable[Toy]) -> list[Toy]:
        return sorted(toys, key=self.u)


Family = Callable[[View, Rng], list[Question]]


def looks(segmentation: NDArray[np.uint8], names: Sequence[str]) -> dict[str, Seen]:
    """What one (120, 160) segmentation shows of each name; value i + 1 stands for names[i]."""
    v, u = np.nonzero(segmentation)
    label = segmentation[v, u]
    n = len(names) + 1
    count, sum_u, sum_v = (np.bincount(label, w, minlength=n) for w in (None, u, v))
    return {
        name: Seen(int(count[i]), float(sum_u[i] / count[i]), float(sum_v[i] / count[i])) if count[i] else Seen(0)
        for i, name in enumerate(names, 1)
    }


def ask(facts: Facts, seen: Mapping[str, Seen], rng: Rng, gates: Gates | None = None) -> list[Question]:
    """At most one question (or opposite pair) of each family that this picture can answer."""
    view = View(facts, seen, gates or Gates())
    questions: list[Question] = []
    for family in FAMILIES:
        asked = family(view, rng)
        if len(asked) > 1:
            pair = 1 + max((q.pair or 0 for q in questions), default=0)
            asked = [replace(q, pair=pair) for q in asked]
        questions += asked
    return questions


def _exists(view: View, rng: Rng) -> list[Question]:
    present = {t.kind for t in view.facts.toys}
    pool = view.shown if rng.random() < 0.5 else [k for k in view.facts.kinds if k.kind not in present]
    if not pool:
        return []
    toy = _pick(pool, rng)
    return [Question("exists", {"toy": _name(toy, rng)}, "yes" if toy.kind in present else "no", "yesno")]


def _count(view: View, rng: Rng) -> list[Question]:
    known = sorted({t.category for t in view.facts.kinds} & set(PLURALS))
    category = _pick((*known, None), rng)
    what = PLURALS[category] if category else f"{view.facts.noun}s"
    meant = [t for t in view.facts.toys if category in (None, t.category)]
    on_table = [t for t in meant if t.place == "table"]
    if any(t not in view.shown for t in on_table) or any(t.place == "gripper" for t in meant):
        return []
    return [Question("count", {"what": what}, str(len(on_table)))]


def _colour(view: View, rng: Rng) -> list[Question]:
    animals = [t for t in view.shown if t.category == "animal"]
    if animals and rng.random() < 0.4:
        toy = _pick(animals, rng)
        return [Question("colour", {"toy": toy.noun}, toy.colour, key="of")]
    known = {t.category for t in view.facts.kinds}
    side = _pick(("leftmost", "rightmost"), rng)
    what = _pick([c for c in ("animal", "block", "block") if c in known] + [view.facts.noun], rng)
    found = _extreme(view, side, what)
    return [Question("colour", {"side": side, "what": what}, found[0].colour, key="side", margin=found[1])] if found else []


def _which(view: View, rng: Rng) -> list[Question]:
    side = _pick(("leftmost", "rightmost"), rng)
    found = _extreme(view, side, view.facts.noun) if len(view.shown) > 1 else None
    if not found:
        return []
    return [Question("which", {"side": side, "thing": view.facts.noun}, found[0].phrase, accept=_accepted(found[0]), margin=found[1])]


def _left_of(view: View, rng: Rng) -> list[Question]:
    if len(view.shown) < 2:
        return []
    a, b = view.by_u(_pick_two(view.shown, rng))
    margin = view.u(b) - view.u(a)
    if margin < view.gates.min_margin:
        return []
    side = _pick(("left", "right"), rng)
    return [
        Question("left_of", {"a": x.phrase, "b": y.phrase}, "yes" if (x is a) == (side == "left") else "no", "yesno", side, margin=margin)
        for x, y in ((a, b), (b, a))
    ]


def _where(view: View, rng: Rng) -> list[Question]:
    places = sorted({t.place for t in view.shown})
    if not places:
        return []
    place = _pick(places, rng)
    toy = _pick([t for t in view.shown if t.place == place], rng)
    return [Question("where", {"toy": _name(toy, rng)}, place, accept=(place, f"the {place}", f"in the {place}", f"on the {place}"))]


def _inside(view: View, rng: Rng) -> list[Question]:
    resting = [t for t in view.shown if t.place != "gripper"]
    if not resting:
        return []
    toy = _pick(resting, rng)
    others = [p for p in view.facts.places if p != toy.place]
    if not others or toy.place not in view.facts.places:
        return []
    return [
        Question("inside", {"toy": toy.phrase, "place": f"{view.facts.places[p]} the {p}"}, "yes" if p == toy.place else "no", "yesno")
        for p in (toy.place, _pick(others, rng))
    ]


def _holding(view: View, rng: Rng) -> list[Question]:
    held = view.facts.held
    if view.pixels("robot") < view.gates.min_pixels or (held is not None and held not in view.shown):
        return []
    if held is None:
        return [Question("holding", {}, "nothing")]
    return [Question("holding", {}, held.phrase, accept=_accepted(held))]


def _cell(view: View, rng: Rng) -> list[Question]:
    if not view.shown:
        return []
    toy = _pick(view.shown, rng)
    seen = view.seen[toy.role]
    margin = min(min(x % CELL, CELL - x % CELL) for x in (seen.u + 0.5, seen.v + 0.5))
    if margin < view.gates.cell_margin:
        return []
    column, row = cell_words(seen)
    return [Question("cell", {"toy": _name(toy, rng)}, f"{column} {row}", "cell", margin=margin)]


def _list(view: View, rng: Rng) -> list[Question]:
    """A look-up table: every kind in random order, then its column and row, or none; unclear ones are left out."""
    unclear, shown = {t.kind for t in view.unclear}, {t.kind: t for t in view.shown}
    lines = []
    for kind in _shuffled([k for k in view.facts.kinds if k.kind not in unclear], rng):
        toy = shown.get(kind.kind)
        lines.append(f"{kind.phrase} {' '.join(cell_words(view.seen[toy.role])) if toy else 'none'}")
    return [Question("list", {"things": f"{view.facts.noun}s"}, ", ".join(lines), "list")]


def _next(view: View, rng: Rng) -> list[Question]:
    facts = view.facts
    if facts.target is not None and view.pixels(facts.target) < view.gates.min_pixels:
        return []
    return [Question("next", {}, facts.reasoning)]


def _done(view: View, rng: Rng) -> list[Question]:
    facts = view.facts
    if facts.target is not None and view.pixels(facts.target) < view.gates.min_pixels:
        return []
    return [Question("done", {}, "no" if facts.target else "yes", "yesno")]


FAMILIES: tuple[Family, ...] = (
    _exists, _count, _colour, _which, _left_of, _where, _inside, _holding, _cell, _list, _next, _done,
)  # fmt: skip


def cell_words(seen: Seen) -> tuple[str, str]:
    """The column and row words of a middle: ("x3", "y2")."""
    return f"x{int((seen.u + 0.5) // CELL)}", f"y{int((seen.v + 0.5) // CELL)}"


def _extreme(view: View, side: str, what: str) -> tuple[Toy, float] | None:
    """The leftmost or rightmost toy of a category, if it is clear: all are shown or hidden, and a margin apart."""
    anything = view.facts.noun
    meant = [t for t in view.shown if what in (anything, t.category)]
    if not meant or any(what in (anything, t.category) for t in view.unclear):
        return None
    ordered = view.by_u(meant)
    if side == "rightmost":
        ordered = ordered[::-1]
    margin = abs(view.u(ordered[1]) - view.u(ordered[0])) if len(ordered) > 1 else math.inf
    return (ordered[0], margin) if margin >= view.gates.min_margin else None


def _name(toy: Toy, rng: Rng) -> str:
    """"duck" or "yellow duck"; a block only by its colour."""
    return toy.noun if toy.category == "animal" and rng.random() < 0.5 else toy.phrase


def _accepted(toy: Toy) -> tuple[str, ...]:
    short = (toy.noun,) if toy.category == "animal" else ()
    return (toy.phrase, f"the {toy.phrase}", *short, *(f"the {s}" for s in short))


def _pick(items: Sequence[Any], rng: Rng) -> Any:
    return items[int(rng.integers(len(items)))]


def _pick_two(items: Sequence[Any], rng: Rng) -> list[Any]:
    return [items[int(i)] for i in rng.permutation(len(items))[:2]]


def _shuffled(items: Sequence[Any], rng: Rng) -> list[Any]:
    return [items[int(i)] for i in rng.permutation(len(items))]

"""Families of ring 1: what the picture shows, whether or not the task needs it. Each gives one item, or an opposite group."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from envs.questions import Rng
from envs.vqa.facts import Item, Thing, View, distance, pick, shuffled

LID = "lid"  # it lies on what others lie in
PLURALS = {"animal": "animals", "block": "blocks", "doll": "dolls", "fruit": "fruits", "card": "cards", "plate": "plates"}
MARKED = ("red", "green", "blue", "yellow", "pink", "orange", "purple", "white", "brown", "black", "grey")
CLOSE = {  # colours that a person may take one for another: never the wrong answer
    "silver": ("grey", "white"), "grey": ("white",), "teal": ("green", "blue"), "turquoise": ("green", "blue"), "lavender": ("purple", "pink"),
    "violet": ("purple",), "honey-coloured": ("yellow", "orange", "brown"), "brown": ("orange",), "yellow": ("green",), "pink": ("red", "purple"),
}  # fmt: skip


def exists(view: View, rng: Rng) -> list[Item]:
    """A thing that is seen, and a kind that is not there."""
    absent = _absent(view)
    if not view.named or not absent:
        return []
    return [
        Item({"thing": a(name)}, answer, "yesno", about=(name,))
        for name, answer in ((pick(view.named, rng).phrase, "yes"), (pick(absent, rng), "no"))
    ]


def count(view: View, rng: Rng) -> list[Item]:
    """How many of a category are seen, or of a category and colour; not asked where one is seen too badly to be sure."""
    categories = [c for c in PLURALS if any(k.category == c for k in view.facts.kinds)]
    if not categories:
        return []
    category = pick(categories, rng)
    colours = sorted({k.colour for k in view.facts.kinds if k.category == category} & set(MARKED))
    colour = pick(colours, rng) if colours and rng.random() < 0.5 else ""
    what = f"{colour} {PLURALS[category]}".strip()
    meant = [t for t in view.facts.things if t.category == category and t.colour in (colour or t.colour,)]
    if any(t in view.unclear for t in meant):
        return []
    number = sum(t in view.shown for t in meant)
    pool = tuple(str(n) for n in range(max(0, number - 2), number + 3))
    about = tuple(k.phrase for k in view.facts.kinds if colour and (k.category, k.colour) == (category, colour))
    return [Item({"what": what}, str(number), "number", pool=pool, about=about)]


def colour(view: View, rng: Rng) -> list[Item]:
    """What colour a thing is, named by its noun or by standing furthest left or right."""
    found = _of_unnamed_colour(view, rng)
    if found is None:
        return []
    words, thing = found
    return [Item({"thing": words}, thing.colour, pool=_colours(thing, rng), about=(thing.phrase,))]


def is_colour(view: View, rng: Rng) -> list[Item]:
    """Whether a thing has its colour, and whether it has another."""
    found = _of_unnamed_colour(view, rng)
    if found is None:
        return []
    words, thing = found
    other = next(c for c in _colours(thing, rng) if c != thing.colour)
    return [
        Item({"thing": words, "colour": c}, "yes" if c == thing.colour else "no", "yesno", about=(thing.phrase,))
        for c in (thing.colour, other)
    ]


def which_side(view: View, rng: Rng) -> list[Item]:
    """Which movable thing is furthest left or right."""
    side = pick(("left", "right"), rng)
    found = _outermost(view, side)
    if found is None:
        return []
    thing, margin = found
    wrong = [t.phrase for t in view.named if t is not thing and not t.fixed]
    pool = (thing.phrase, *shuffled([*wrong, *_absent(view)[: 3 - len(wrong)]], rng)[:3])
    return [Item({"side": side}, thing.phrase, pool=pool, accept=_accepted(view, thing), about=pool, margin=margin)]


def left_right(view: View, rng: Rng) -> list[Item]:
    """Two things in both orders, each on both sides: any constant answer is right half of the time."""
    things = [t for t in view.clear if t in view.named]
    apart = [(a, b) for a, b in _two_of(things, rng) if abs(view.u(a) - view.u(b)) >= view.gates.min_margin_px]
    if not apart:
        return []
    near, far = sorted(apart[0], key=view.u)
    return _both_ways(near, far, ("left", "right"), view.u(far) - view.u(near))


def front_behind(view: View, rng: Rng) -> list[Item]:
    """Two things on the table as seen from the camera: the nearer one is in front. Both orders, both sides."""
    if view.camera == "wrist":  # it looks down: what is in front is above in the picture or below, as the hand turns
        return []
    things = [t for t in view.clear if t in view.named and t.place == "table" and not t.fixed]
    apart = [(a, b) for a, b in _two_of(things, rng) if abs(view.depth(a) - view.depth(b)) >= view.gates.min_margin_m]
    if not apart:
        return []
    near, far = sorted(apart[0], key=view.depth)
    return _both_ways(near, far, ("front", "behind"), view.depth(far) - view.depth(near))


def nearest(view: View, rng: Rng) -> list[Item]:
    """Which of the things that are seen is nearest to one of them."""
    things = [t for t in view.clear if t in view.named and t.place == "table"]
    if len(things) < 3 or any(not t.fixed for t in view.unclear):
        return []
    base = pick([t for t in things if not t.fixed] or things, rng)
    others = sorted((t for t in things if t is not base), key=lambda t: distance(t, base))
    margin = distance(others[1], base) - distance(others[0], base)
    if margin < view.gates.min_margin_m:
        return []
    pool = tuple(t.phrase for t in others[:4])
    return [Item({"thing": base.phrase}, pool[0], pool=pool, accept=_accepted(view, others[0]), about=(base.phrase, *pool), margin=margin)]


def text(view: View, rng: Rng) -> list[Item]:
    """What is written on a thing; on a card it is the card's own name, so the card is named by where it lies."""
    written = [t for t in view.clear if t.text]
    boards = [t for t in written if t.category == "board"]
    cards = sorted((t for t in written if t.category == "card"), key=view.u)
    unclear = any(t.text for t in view.unclear)
    if boards and (not cards or rng.random() < 0.5):
        thing, name = boards[0], "board"
    elif cards and not unclear and all(view.u(b) - view.u(a) >= view.gates.min_margin_px for a, b in pairwise(cards)):
        side = pick(("leftmost", "rightmost"), rng)
        thing, name = cards[0 if side == "leftmost" else -1], f"{side} card"
    else:
        return []
    others = sorted({k.text for k in view.facts.kinds if k.text and k.category == thing.category and k.text != thing.text})
    return [Item({"thing": name}, thing.text, pool=(thing.text, *shuffled(others, rng)[:3]))]


def point(view: View, rng: Rng) -> list[Item]:
    """A point on a thing."""
    if not view.named:
        return []
    thing = pick(view.named, rng)
    names = [t.role for t in view.facts.things]
    return [_pointing({"thing": thing.phrase}, view.segmentation == names.index(thing.role) + 1, "thing", (thing.phrase,))]


def free_space(view: View, rng: Rng) -> list[Item]:
    """A point on the table where nothing lies, as far as the picture shows."""
    camera = view.facts.cameras[view.camera]
    rays = camera.rays(*view.segmentation.shape)
    far = -camera.pos[2] / np.minimum(rays[..., 2], -1e-6)  # m to the table; rays that look up meet it nowhere near
    (x0, x1), (y0, y1) = view.facts.area
    x, y = (camera.pos[i] + far * rays[..., i] for i in (0, 1))
    mask = (view.segmentation == 0) & (x > x0) & (x < x1) & (y > y0) & (y < y1)
    share = float(mask.mean())
    return [_pointing({}, mask, "free", ())] if 0.02 < share < 0.5 else []


def caption(view: View, rng: Rng) -> list[Item]:
    """All that is seen and where each thing lies, as facts `thing: place`."""
    things = [t for t in view.named if not t.fixed]
    if not things or any(not t.fixed for t in view.unclear) or not all(t.place for t in things):
        return []
    facts = tuple(f"{t.phrase}: {t.place}" for t in things)
    said = ", ".join(f"{a(t.phrase)} {placed(view, t)}" for t in shuffled(things, rng))
    return [Item({}, f"There is {said}.", "caption", facts=facts, about=tuple(t.phrase for t in things))]


def a(phrase: str) -> str:
    """ "a red block", "an orange block"."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def placed(view: View, thing: Thing) -> str:
    """ "on the table", "in the box", "in the gripper"."""
    how = next((t.holds for t in view.facts.things if t.phrase == thing.place), "in" if thing.place == "gripper" else "on")
    how = "on" if thing.category == LID else how
    return f"{how} the {thing.place}"


def _of_unnamed_colour(view: View, rng: Rng) -> tuple[str, Thing] | None:
    """A thing in words that do not tell its colour: its noun where no other has it, or its side."""
    alone = [t for t in view.shown if view.nouns[t.noun] == 1 and t.colour not in t.noun]
    if alone and rng.random() < 0.7:
        thing = pick(alone, rng)
        return thing.noun, thing
    side = pick(("left", "right"), rng)
    found = _outermost(view, side)
    return (f"{side}most thing", found[0]) if found else None


def _outermost(view: View, side: str) -> tuple[Thing, float] | None:
    """The movable thing that is furthest to a side, where that is clear."""
    things = sorted((t for t in view.clear if not t.fixed), key=view.u, reverse=side == "right")
    others = [t for t in view.shown if not t.fixed and t not in things]
    if len(things) < 2 or others or any(not t.fixed for t in view.unclear) or things[0] not in view.named:
        return None
    margin = abs(view.u(things[0]) - view.u(things[1]))
    return (things[0], margin) if margin >= view.gates.min_margin_px else None


def _both_ways(near: Thing, far: Thing, sides: tuple[str, str], margin: float) -> list[Item]:
    return [
        Item({"a": x.phrase, "b": y.phrase}, "yes" if (x is near) == (side == sides[0]) else "no", "yesno", side,
             about=(x.phrase, y.phrase), margin=margin)
        for side in sides for x, y in ((near, far), (far, near))
    ]  # fmt: skip


def _two_of(things: Sequence[Thing], rng: Rng) -> list[tuple[Thing, Thing]]:
    order = shuffled(things, rng)
    return list(pairwise(order))


def _colours(thing: Thing, rng: Rng) -> tuple[str, ...]:
    """Its colour, then three in random order that nobody would take for it."""
    close = CLOSE.get(thing.colour, ())
    return (thing.colour, *shuffled([c for c in MARKED if c not in thing.colour and c not in close], rng)[:3])


def _absent(view: View) -> list[str]:
    """Kinds that are clearly not there: nothing has their colour in their category, or their noun where that is all of the name."""
    things = view.facts.things

    def like(kind: Thing, thing: Thing) -> bool:
        return (kind.category, kind.colour) == (thing.category, thing.colour) or (kind.noun == thing.noun and not kind.names_colour)

    return list(dict.fromkeys(k.phrase for k in view.facts.kinds if not any(like(k, t) for t in things)))


def _accepted(view: View, thing: Thing) -> tuple[str, ...]:
    """Its phrase, and its noun where that is enough, with and without an article."""
    names = {thing.phrase} | ({thing.noun} if view.nouns[thing.noun] == 1 else set())
    return tuple(n for name in sorted(names) for n in (name, f"the {name}"))


def _pointing(words: dict[str, str], mask: NDArray[np.bool_], key: str, about: tuple[str, ...]) -> Item:
    v, u = mask.nonzero()
    middle = ((u - u.mean()) ** 2 + (v - v.mean()) ** 2).argmin()  # of those in the mask, the nearest to its middle
    height, width = mask.shape
    answer = f"[({(u[middle] + 0.5) / width:.3f}, {(v[middle] + 0.5) / height:.3f})]"
    return Item(words, answer, "points", key, mask=mask, about=about)

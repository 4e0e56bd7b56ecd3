"""Families of ring 2: what whoever does the task needs to know. Each gives one item, or an opposite pair."""

from __future__ import annotations

from envs.questions import Rng
from envs.vqa.facts import Item, Thing, View, pick, shuffled
from envs.vqa.seen import LID, placed

ROBOT = "robot"


def where(view: View, rng: Rng) -> list[Item]:
    """What a movable thing lies in or on."""
    things = [t for t in view.named if not t.fixed and t.place]
    if not things:
        return []
    place = pick(sorted({t.place for t in things}), rng)
    thing = pick([t for t in things if t.place == place], rng)
    pool = (thing.place, *[p for p in _places(view) if p != thing.place][:3])
    accept = (thing.place, f"the {thing.place}", placed(view, thing), f"{placed(view, thing).split(' ', 1)[0]} {thing.place}")
    return [Item({"thing": thing.phrase}, thing.place, pool=pool, accept=accept, about=(thing.phrase,))]


def inside(view: View, rng: Rng) -> list[Item]:
    """Whether a thing lies where it lies, and whether it lies somewhere else."""
    things = [t for t in view.named if not t.fixed and t.place not in ("gripper", "")]
    if not things:
        return []
    thing = pick(things, rng)
    others = [t for t in view.facts.things if t.phrase not in (thing.place, thing.phrase) and (t.fixed or t.holds == "in")]
    places = [f"{t.holds} the {t.phrase}" for t in others] + ["on the table"] * (thing.place != "table")
    if not places:
        return []
    return [
        Item({"thing": thing.phrase, "place": p}, answer, "yesno", about=(thing.phrase,))
        for p, answer in ((placed(view, thing), "yes"), (pick(places, rng), "no"))
    ]


def empty(view: View, rng: Rng) -> list[Item]:
    """Whether a container is empty, and whether something lies in it; a refrigerator always has food of its own in it."""
    containers = [t for t in view.named if t.category != "furniture" and t.holds == "in" and (t.travel is None or t.travel >= view.gates.open_least)]
    if not containers:
        return []
    thing = pick(containers, rng)
    content = [t for t in view.facts.things if t.place == thing.phrase]
    if any(t not in view.shown or t.category == LID for t in content):
        return []
    return _opposite({"thing": thing.phrase}, ("empty", not content), ("full", bool(content)), thing.phrase)


def drawer(view: View, rng: Rng) -> list[Item]:
    """Whether a drawer is open, half open or closed; between these nothing is asked."""
    drawers = [t for t in view.named if t.travel is not None]
    if not drawers:
        return []
    thing = pick(drawers, rng)
    state = _state(thing, view)
    if state is None:
        return []
    if state == "half open" or rng.random() < 0.4:
        states = ("open", "half open", "closed")
        return [Item({"thing": thing.phrase}, state, key="state", pool=(state, *[s for s in states if s != state]))]
    return _opposite({"thing": thing.phrase}, ("open", state == "open"), ("closed", state == "closed"))


def gripper(view: View, rng: Rng) -> list[Item]:
    """Whether the gripper is open or closed, fingers apart or together; not asked while it holds something."""
    closed, gates = view.facts.gripper_closed, view.gates
    unsure = gates.grip_open < closed < gates.grip_closed
    if view.facts.held or unsure or view.pixels(ROBOT) < 4 * gates.min_pixels:
        return []
    return _opposite({}, ("open", closed <= gates.grip_open), ("closed", closed >= gates.grip_closed))


def holding(view: View, rng: Rng) -> list[Item]:
    """What the gripper holds."""
    held = view.facts.held
    if view.pixels(ROBOT) < view.gates.min_pixels or (held and held not in view.named):
        return []
    answer = held.phrase if held else "nothing"
    things = [t.phrase for t in view.facts.things if not t.fixed and t.phrase != answer]
    pool = (answer, *shuffled([*dict.fromkeys(things), *(["nothing"] if held else [])], rng)[:3])
    about = tuple(p for p in pool if p != "nothing")
    return [Item({}, answer, pool=pool, accept=(answer, f"the {answer}"), about=about)]


def is_holding(view: View, rng: Rng) -> list[Item]:
    """Whether the gripper holds what it holds, and whether it holds something else."""
    held = view.facts.held
    others = [t.phrase for t in view.named if not t.fixed and t is not held]
    if held is None or held not in view.named or not others:
        return []
    return [
        Item({"thing": name}, answer, "yesno", about=(name,)) for name, answer in ((held.phrase, "yes"), (pick(others, rng), "no"))
    ]


def next_step(view: View, rng: Rng) -> list[Item]:
    """What should be done next: the sentence that a policy says."""
    facts = view.facts
    if not _judgeable(view):
        return []
    wrong = [s for s in (*facts.said, facts.finished) if s != facts.reasoning]
    return [Item({"task": facts.instruction}, facts.reasoning, pool=(facts.reasoning, *shuffled(list(dict.fromkeys(wrong)), rng)[:3]))]


def done_step(view: View, rng: Rng) -> list[Item]:
    """Which of several steps is done already: one is, the others are not."""
    facts = view.facts
    done = [s for s in facts.said[: facts.said_done] if s not in facts.said[facts.said_done :]]
    left = [s for s in dict.fromkeys(facts.said[facts.said_done :]) if s not in (*done, facts.finished)]
    if not done or not left or not _judgeable(view):
        return []
    right = pick(done, rng)
    return [Item({}, right, "choice", pool=(right, *shuffled(left, rng)[:3]))]


def finished(view: View, rng: Rng) -> list[Item]:
    """Whether the task is done, and whether something is left to do."""
    if not _judgeable(view):
        return []
    done = not view.facts.targets
    return _opposite({"task": view.facts.instruction}, ("done", done), ("left", not done))


def _opposite(words: dict[str, str], first: tuple[str, bool], second: tuple[str, bool], *about: str) -> list[Item]:
    return [Item(words, "yes" if true else "no", "yesno", key, about=about) for key, true in (first, second)]


def _state(thing: Thing, view: View) -> str | None:
    gates, travel = view.gates, thing.travel
    assert travel is not None
    if travel >= gates.open_least:
        return "open"
    if travel <= gates.closed_most:
        return "closed"
    return "half open" if gates.half[0] <= travel <= gates.half[1] else None


def _judgeable(view: View) -> bool:
    """Whether the picture shows what the next step is about; all movable things where nothing is left to do."""
    targets = view.facts.targets
    return all(view.shows(r) for r in targets) if targets else all(t in view.shown for t in view.facts.things if not t.fixed)


def _places(view: View) -> list[str]:
    places = [t.phrase for t in view.facts.things if t.fixed or t.holds == "in"]
    return list(dict.fromkeys(["table", "gripper", *places]))

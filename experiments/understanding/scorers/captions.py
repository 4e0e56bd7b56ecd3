"""Captions: how many of a scene's facts a text states, and how many of those it states are true. No model judges."""

from __future__ import annotations

import re
from collections.abc import Sequence

NAMED_PLACES = ("table", "gripper", "box", "basket", "drawer")  # besides those of the facts


def caption_f1(answer: str, facts: Sequence[str]) -> float:
    """F1 of the facts `thing: place` that a caption states.

    A caption is read clause by clause (at commas, "and" and full stops): a clause states the fact of the thing and of the
    place that it names. Things are those of the facts; others are not seen, neither for nor against.
    """
    truth = {(thing.strip(), place.strip()) for thing, _, place in (fact.lower().partition(": ") for fact in facts)}
    things, places = {t for t, _ in truth}, {p for _, p in truth} | set(NAMED_PLACES)
    stated: set[tuple[str, str]] = set()
    for clause in re.split(r",|\.|\band\b", answer.lower()):
        thing = _named(clause, things)
        place = _named(clause.replace(thing, " "), places) if thing else None
        if thing and place:
            stated.add((thing, place))
    return 2 * len(stated & truth) / (len(stated) + len(truth)) if truth else 0.0


def _named(clause: str, names: set[str]) -> str | None:
    """The longest name in a clause, if any."""
    found = [n for n in names if n and re.search(rf"\b{re.escape(n)}\b", clause)]
    return max(found, key=len) if found else None

"""The one error that a command line shows without a traceback, and the nearest name that it offers."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UsageError(ValueError):
    """A mistake of whoever typed the command: printed as one message, exit code 2."""


def unknown(what: str, name: str, known: Iterable[str]) -> UsageError:
    """`unknown env 'sort_toy'; did you mean 'sort_toys'?`, or the list of what is known when nothing is near."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names)}"
    return UsageError(f"unknown {what} '{name}'; {hint}")

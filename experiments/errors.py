"""The error that the command line shows without a traceback, and the one that makes a trial none."""

from __future__ import annotations

from collections.abc import Iterable

from envs.names import checked_name


class UsageError(ValueError):
    """A mistake or a lack that whoever typed the command can remedy: printed as one message, exit code 2."""


class NotATrial(RuntimeError):
    """The setup, not the policy, kept a trial from beginning: its row is `invalid`, and it is repeated."""


def check_name(name: str, known: Iterable[str], what: str) -> str:
    """`name` if it is known; otherwise a `UsageError` with the nearest name."""
    try:
        return checked_name(name, known, what)
    except ValueError as error:
        raise UsageError(str(error)) from None

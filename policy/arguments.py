"""Options of a command as `key=value` arguments, from a frozen dataclass whose defaults say their types."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

Options = TypeVar("Options")


def usage(module: str, kind: type) -> str:
    """The command with all its options and their defaults."""
    return f"python -m {module} " + " ".join(f"[{f.name}={f.default}]" for f in fields(kind))


def parse(argv: Sequence[str], module: str, kind: type[Options]) -> Options:
    """The options that `key=value` arguments give.

    Raises:
        ValueError: an unknown key, with the nearest known one, or a value that is no number where one is expected.
    """
    kinds = {f.name: type(f.default) for f in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for text in argv:
        key, equals, value = text.partition("=")
        if not equals or key not in kinds:
            near = difflib.get_close_matches(key, kinds, 1, 0.6) if equals else []
            hint = f"did you mean '{near[0]}='? " if near else ""
            raise ValueError(f"'{text}' is no option; {hint}expected {usage(module, kind)}")
        if kinds[key] is int and not value.isdigit():
            raise ValueError(f"{text}; expected a whole number")
        try:
            values[key] = kinds[key](value)
        except ValueError:
            raise ValueError(f"{text}; expected a number") from None
    return kind(**values)

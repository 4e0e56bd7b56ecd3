"""The command line: `python -m experiments.notebooks [01 07 ...] [fast=true]`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from nbclient.exceptions import CellExecutionError

from experiments.errors import UsageError
from experiments.notebooks.execute import execute, notebooks

USAGE = """python -m experiments.notebooks [NAME ...] [fast=true]

  NAME   how a notebook's file starts: 01, 07_sim (default: all)
  fast   true = few trials, for a test; the outputs in the files are those of a run without it

Each is run from top to bottom and written in place. What is under outputs/ is not done again: after an interruption the
same command goes on."""


def main(argv: Sequence[str]) -> int:
    """Execute; the exit code: 0, 1 where a cell failed, or 2 for a mistake of the caller."""
    if {"-h", "--help"} & set(argv):
        print(USAGE)
        return 0
    try:
        options = [text for text in argv if "=" in text]
        if wrong := [text for text in options if text not in ("fast=true", "fast=false")]:
            raise UsageError(f"'{wrong[0]}' is no option; expected\n{USAGE}")
        chosen = notebooks([text for text in argv if "=" not in text])
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    for path in chosen:
        print(f"{path.name} ...", end=" ", flush=True)
        try:
            run = execute(path, fast="fast=true" in options)["metadata"]["run"]
        except CellExecutionError as error:
            print(f"failed\n{error}", file=sys.stderr)
            return 1
        print(f"{run['seconds']} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

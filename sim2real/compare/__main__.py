"""The command line: `python -m sim2real.compare sim=outputs/A real=outputs/B`."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.errors import UsageError
from sim2real.compare.comparison import Comparison, compare, to_json
from sim2real.compare.page import headline, markdown, page
from sim2real.compare.pairs import load

USAGE = """python -m sim2real.compare sim=FOLDER[,FOLDER...] real=FOLDER[,FOLDER...] [out=FOLDER]

  sim    out= folders of simulated runs (experiments/run.py); several for several policies
  real   out= folders of runs on the robot or its twin (sim2real/rollout.py), of the same layouts
  out    where comparison.html, .md and .json go (default: the first real folder)"""


def main(argv: Sequence[str]) -> int:
    """Compare; the exit code: 0, or 2 for a mistake of the caller."""
    if not argv or {"-h", "--help"} & set(argv):
        print(USAGE)
        return 0
    try:
        sim, real, out = parse(argv)
        comparison = compare(load(sim, real))
        write(comparison, out, shlex.join(["python", "-m", "sim2real.compare", *argv]))
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    print(*map(headline, comparison.lines), f"{out / 'comparison.html'}", sep="\n")
    return 0


def parse(argv: Sequence[str]) -> tuple[list[Path], list[Path], Path]:
    """The folders of both sides, and where results go.

    Raises:
        UsageError: an unknown or repeated option, or a side is missing.
    """
    given: dict[str, str] = {}
    for text in argv:
        key, _, value = text.partition("=")
        if key not in ("sim", "real", "out") or not value or key in given:
            raise UsageError(f"'{text}' is no option, or given twice; expected\n{USAGE}")
        given[key] = value
    if missing := [key for key in ("sim", "real") if key not in given]:
        raise UsageError(f"{missing[0]}= is missing; expected\n{USAGE}")
    sim, real = ([Path(p) for p in given[key].strip("[]").split(",")] for key in ("sim", "real"))
    return sim, real, Path(given.get("out", real[0]))


def write(comparison: Comparison, out: Path, command: str) -> None:
    """The page, its numbers as Markdown and as JSON."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "comparison.json").write_text(json.dumps(to_json(comparison) | {"command": command}, indent=1, ensure_ascii=False) + "\n")
    (out / "comparison.md").write_text(markdown(comparison, command))
    (out / "comparison.html").write_text(page(comparison, out, command))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

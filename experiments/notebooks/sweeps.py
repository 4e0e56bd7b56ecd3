"""Runs the sweeps behind notebooks 02 to 06: `python -m experiments.notebooks.sweeps experts phases` (an evening; it goes on where it stopped)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pandas as pd

from experiments.errors import UsageError
from experiments.notebooks.studies import RESULTS, STUDIES, Study, find
from experiments.sweep import sweep
from experiments.sweeping.points import grid

OUT = "outputs/sweeps/studies"  # one folder, so that stages of training that studies share are trained once
USAGE = """python -m experiments.notebooks.sweeps NAME ... [jobs=1]

Trains and judges what is left of each study and writes notebooks/results/NAME.csv, which the notebooks draw. jobs: points
that run at once; one takes 5 to 8 CPU minutes. After an interruption the same command goes on. The studies:
"""


def run(study: Study, jobs: int = 1) -> pd.DataFrame:
    """Runs what is left of a study's sweep and writes its rows where the notebooks read them."""
    table = sweep(study.overrides, study.points, out=OUT, jobs=jobs)
    RESULTS.mkdir(parents=True, exist_ok=True)
    table.to_csv(RESULTS / f"{study.name}.csv", index=False)
    return table


def main(argv: Sequence[str]) -> int:
    """Run the studies that are named; exit code 1 where a point failed, 2 for a mistake of the caller."""
    if {"-h", "--help"} & set(argv):
        print(USAGE)
        for study in STUDIES.values():
            print(f"  {study.name:14} {len(grid(study.overrides, study.points)):2} points: {'; '.join(study.arms.values())}")
        return 0
    jobs = [text.removeprefix("jobs=") for text in argv if text.startswith("jobs=")]
    names = [text for text in argv if not text.startswith("jobs=")]
    try:
        if not names or any(not j.isdigit() for j in jobs):
            raise UsageError(f"expected names of {', '.join(STUDIES)}, and jobs=NUMBER at most")
        studies = [find(name) for name in names]
        tables = [run(study, int(jobs[-1]) if jobs else 1) for study in studies]
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    return int(any((table["state"] == "failed").any() for table in tables))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

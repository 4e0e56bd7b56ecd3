"""Runs as tables: one row a trial, and rates with their intervals, whatever stage or world they come from."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from experiments import config as conf
from experiments.errors import UsageError
from experiments.results import RESULTS_FILE, read
from experiments.scoring import rate
from experiments.stages import run_stage

TRIAL_COLUMNS = ("env", "policy", "backend", "shift", "trial", "seed", "outcome", "success", "steps_done", "steps", "progress", "seconds", "step_done_s", "infer_ms_p50")


def run(*overrides: str) -> pd.DataFrame:
    """Does what `python experiments/run.py OVERRIDES` does, trials that are done left as they are; the trials it asks for as a table.

    Raises:
        UsageError: an override that does not exist, or values that contradict each other.
    """
    config = conf.load(list(overrides))
    run_stage(config, shlex.join(["python", "experiments/run.py", *overrides]))
    table = trials(config.out_dir)
    return table[table["trial"] < table["env"].map(config.trial_count)].reset_index(drop=True)


def trials(*folders: str | Path) -> pd.DataFrame:
    """Every counted trial below the folders, columns `TRIAL_COLUMNS`; times in s (of control), inference in ms.

    Raises:
        UsageError: a folder holds no results.
    """
    rows = []
    for folder in map(Path, folders):
        files = sorted(folder.rglob(RESULTS_FILE))
        if not files:
            raise UsageError(f"no {RESULTS_FILE} below {folder}; run the evaluation first, or give its out=")
        rows += [asdict(row) for file in files for row in read(file) if row.counted]
    return pd.DataFrame(rows, columns=list(TRIAL_COLUMNS))


def rates(table: pd.DataFrame, by: Sequence[str], value: str = "progress") -> pd.DataFrame:
    """Mean of `value` (0 - 1) of each group with its 95 % Wilson interval: columns `by`, value, low, high, n."""
    found = []
    for key, group in table.groupby(list(by), sort=False):
        r = rate(float(group[value].astype(float).sum()), len(group))
        found.append((*key, r.value, r.low, r.high, r.trials))
    return pd.DataFrame(found, columns=[*by, "value", "low", "high", "n"])

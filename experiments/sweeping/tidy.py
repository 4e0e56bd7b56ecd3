"""The results of a sweep as rows: one for each point, task and number, with its interval."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.scoring import wilson
from experiments.sweeping.point_run import POINT, RESULTS, STATE, read

COSTS = ("minutes", "cpu_minutes", "train_minutes", "train_cpu_minutes")
ORDER = ("env", "metric", "value", "low", "high", "n", "state", "error")  # columns, behind the point and what varied


def tidy(folders: Sequence[Path]) -> pd.DataFrame:
    """The rows of these points' folders. What varied in any of them is a column, filled with each point's own value."""
    points = [(folder, read(folder / POINT)) for folder in folders]
    columns = list(dict.fromkeys(name for _, point in points for name in point["varied"]))
    rows = [
        {"point": folder.name, **{name: point["values"].get(name) for name in columns}, **row} for folder, point in points for row in point_rows(folder)
    ]
    return pd.DataFrame(rows, columns=["point", *columns, *ORDER])


def point_rows(folder: Path) -> Iterator[dict[str, Any]]:
    """The rows of one point; of one that is not done, a single row without a number that says so."""
    state = read(folder / STATE)
    told = {"state": state.get("state", "waiting"), "error": state.get("error")}
    if told["state"] != "done":
        yield {"env": None, "metric": None, **told}
        return
    results = folder / RESULTS
    whole = read(results / "summary.json")
    for path in sorted(results.glob("**/summary.json")):
        # Of stage=robustness each level has a folder: `camera/success`, not one more `success`.
        level = f"{path.relative_to(results).parts[0]}/" if "levels" in whole and path.parent != results else ""
        for row in summary_rows(json.loads(path.read_text())):
            yield {**row, "metric": level + row["metric"], **told}
    for name in COSTS:
        if name in state:
            yield {"env": None, "metric": name, "value": state[name], **told}
    for name, value in state.get("parameters", {}).items():
        yield {"env": None, "metric": name, "value": value, **told}


def summary_rows(summary: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The numbers of one summary.json: of a task's trials and questions, or of understanding benchmarks."""
    for name, told in summary.get("benchmarks", {}).items():
        yield {"env": None, "metric": f"benchmark/{name}", "value": told["value"]}
    for env, levels in summary.get("tasks", {}).items():
        yield from _gap_rows(env, levels)
    if "n_episodes" not in summary or "env" not in summary:
        return
    env, n = summary["env"], summary["n_episodes"]
    low, high = summary["pc_success_ci95"]
    yield _row(env, "success", summary["pc_success"] / 100, n, low / 100, high / 100)
    yield _row(env, "progress", summary["avg_len"], n, *summary["avg_len_ci95"])
    yield _row(env, "steps_done", summary["mean_steps_done"], n)
    for i, count in enumerate(summary["step_counts"], 1):
        yield _row(env, f"step_{i}", count / n if n else 0.0, n, *wilson(count, n))
    if summary["infer_ms_p50"] is not None:
        yield _row(env, "infer_ms", summary["infer_ms_p50"], n)
    if kinds := summary.get("failures"):
        told = summary["failures_by_step"][0]["reached"]
        for kind, count in kinds.items():
            yield _row(env, f"failure/{kind}", count / told, told, *wilson(count, told))
    if found := summary.get("reflexes"):
        yield _row(env, "reflex", found["trials"] / n, n, *wilson(found["trials"], n))
    if grasp := summary.get("grasp_cm"):
        yield _row(env, "grasp_cm", grasp["median"], grasp["n"], grasp["low"], grasp["high"])
    if summary["questions"]:
        families = {"answers": summary["questions"]["overall"]} | {f"answers/{k}": v for k, v in summary["questions"]["families"].items()}
        for name, told in families.items():
            yield _row(env, name, told["correct"] / max(told["n"], 1), told["n"], told["low"], told["high"])
        yield _row(env, "answers_majority", summary["questions"]["overall"]["majority"], summary["questions"]["overall"]["n"])
    if summary["math"]:
        for name in ("ocr", "math"):
            if name in summary["math"]:
                yield _row(env, name, summary["math"][name], n)


def _gap_rows(env: str, levels: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """`camera/gap`: a task's difference of Avg. Len. to the level `none`. A group's tasks have no levels."""
    for level, told in levels.items():
        if isinstance(told, Mapping) and (d := told.get("difference")):
            yield _row(env, f"{level}/gap", d["value"], d["trials"], d["low"], d["high"])


def _row(env: str, metric: str, value: float, n: int, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"env": env, "metric": metric, "value": value, "low": low, "high": high, "n": n}

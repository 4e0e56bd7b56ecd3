"""Rows to numbers: the score of each policy in a row of the protocol, beside the paper's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from envs.names import PLANNER
from envs.types import EXECUTE
from experiments import math_score
from experiments.failures import counts
from experiments.protocol import PAPER, PAPER_POLICIES, PROTOCOL_VERSION, find_row, paper_score
from experiments.pushes import reflexes
from experiments.results import RESULTS_FILE, Result, read
from experiments.scoring import Score, score_trials

QUESTIONS_FILE = "questions.json"


@dataclass(frozen=True)
class Entry:
    """One line of the score table."""

    name: str
    source: str  # paper | here
    score: Score


@dataclass(frozen=True)
class Summary:
    """All that a report says, from the rows of one OUT (and of the ones to show beside it)."""

    env: str
    policy: str
    instruction: str
    steps: tuple[str, ...]
    rows: tuple[Result, ...]
    score: Score
    table: tuple[Entry, ...]
    errors: tuple[Result, ...]
    questions: dict[str, Any] | None
    command: str

    @property
    def counted(self) -> tuple[Result, ...]:
        """Rows that are trials of the policy."""
        return tuple(row for row in self.rows if row.counted)

    @cached_property
    def failures(self) -> counts.Tally | None:
        """How the trials failed, step by step; None where they do not tell."""
        return counts.tally(self.rows)


def summarise(out: Path, beside: Sequence[Path] = ()) -> Summary:
    """The summary of OUT/results.jsonl (and OUT/questions.json, where there is one)."""
    rows = read(out / RESULTS_FILE)
    counted = [row for row in rows if row.counted]
    protocol = find_row(rows[0].env)
    count = counted[0].steps if counted else len(protocol.steps) if protocol else 1
    steps = protocol.steps if protocol and len(protocol.steps) == count else tuple(f"step {i}" for i in range(1, count + 1))
    ours = score_trials([row.steps_done for row in counted], count)
    entries = [Entry(name, "paper", paper_score(protocol, name)) for name in PAPER_POLICIES] if protocol else []
    for folder in beside:
        other = [row for row in read(folder / RESULTS_FILE) if row.counted and row.env == rows[0].env]
        if other:
            entries.append(Entry(label(other[0]), "here", score_trials([row.steps_done for row in other], count)))
    entries.append(Entry(label(rows[0]), "here", ours))
    questions = out / QUESTIONS_FILE
    return Summary(
        rows[0].env, rows[0].policy, next((r.instruction for r in counted), ""), steps, tuple(rows), ours, tuple(entries),
        tuple(row for row in rows if not row.counted), json.loads(questions.read_text()) if questions.exists() else None, rows[-1].command,
    )  # fmt: skip


def to_json(summary: Summary) -> dict[str, Any]:
    """What summary.json holds; `pc_success` and its kin are LeRobot's names.

    `avg_len` is the paper's, between 0 and 1; `mean_steps_done` is what CALVIN calls average length.
    """
    score, rows = summary.score, summary.counted
    first = summary.rows[0]
    return {
        "env": summary.env,
        "policy": summary.policy,
        "protocol": PROTOCOL_VERSION,
        "n_episodes": score.trials,
        "n_success": sum(row.success for row in rows),
        "pc_success": round(100 * score.success.value, 2),
        "pc_success_ci95": [round(100 * score.success.low, 2), round(100 * score.success.high, 2)],
        "avg_len": round(score.avg_len.value, 4),
        "mean_steps_done": round(score.mean_steps_done, 4),
        "avg_len_ci95": [round(score.avg_len.low, 4), round(score.avg_len.high, 4)],
        "step_counts": list(score.counts),
        "outcomes": dict(Counter(row.outcome for row in summary.rows)),
        "errors": len(summary.errors),
        **counts.to_json(summary.failures),
        "reflexes": {"trials": found.trials, "avg_len": round(found.avg_len.value, 4)} if (found := reflexes(rows)) else None,
        "infer_ms_p50": median([row.infer_ms_p50 for row in rows]),
        "infer_ms_p95": median([row.infer_ms_p95 for row in rows]),
        "plan_ms_p50": median([row.plan_ms_p50 for row in rows]),
        "plan_ms_p95": median([row.plan_ms_p95 for row in rows]),
        "plan_unmatched": sum(row.plan_unmatched for row in rows),
        "paper": {e.name: asdict(e.score) for e in summary.table if e.source == "paper"},
        "paper_source": PAPER,
        "questions": summary.questions,
        "math": asdict(math_score.mean_score(map(math_score.row_score, rows))) if rows and summary.env == math_score.ENV else None,
        "config": {k: getattr(first, k) for k in ("split", "seed", "shift", "clock", "execution", "reason_every", "quality", "motion", "planner", "planner_model", "planner_every", "checkpoint", "checkpoint_hash", "config_hash")},
        "commits": sorted({row.commit for row in summary.rows if row.commit}),
        "versions": dict(first.versions),
        "gl": first.gl,
        "command": summary.command,
    }


def median(values: Sequence[float | None]) -> float | None:
    """The median of what was measured, or None."""
    measured = [v for v in values if v is not None]
    return round(float(np.median(measured)), 2) if measured else None


def label(row: Result) -> str:
    """The policy, and what sets its run apart from a usual one."""
    usual = "scripted" if row.env in PLANNER else "none"
    apart = [
        f"clock {row.clock}" if row.clock != "stepped" else "",
        f"reasoning every {row.reason_every} chunks" if row.reason_every > 1 else "",
        f"{row.execute} actions of a chunk" if row.execute not in (None, 1, EXECUTE) else "",
        row.execution if row.execution != "sync" else "",
        f"planner {row.planner}" if row.planner != usual else "",
        f"shift {row.shift}" if row.shift != "none" else "",
    ]
    told = ", ".join(filter(None, apart))
    return f"{row.policy} ({told})" if told else row.policy


def beside_folder(out: Path, env: str) -> Path:
    """Where the results of one task are in another run's OUT: a group's has a folder for each."""
    return out / env if (out / env / RESULTS_FILE).exists() else out

"""Two policies under the same layouts, in an order that nobody sees until every trial is scored.

For each layout one policy is drawn to go first. The draw lies sealed in OUT/sealed.json (scrambled against a chance look, not
against an intruder) and its hash in OUT/seal.txt, written before the first trial. Rows go to OUT/first and OUT/second; when all
are there, `unseal` sorts them into a folder per policy, checks the hash, and writes the reports.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import secrets
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from envs.types import Trial
from experiments.config import config_hash
from experiments.display import Display
from experiments.errors import UsageError
from experiments.evaluation import Identity, identities, make_job, planned_trials
from experiments.report import write_report
from experiments.results import RESULTS_FILE, Result, ResultsWriter, read
from experiments.workers import EnvRun
from sim2real.assemble import make_policy, open_env
from sim2real.options import RobotConfig
from sim2real.session import Turn, play

SLOTS = ("first", "second")
SEALED, SEAL, PREFERENCES = "sealed.json", "seal.txt", "preferences.jsonl"
HIDDEN = {"policy": "sealed", "checkpoint": None, "checkpoint_hash": None, "reason_every": 1, "execute": None}


@dataclass(frozen=True)
class Sealed:
    """`first[i]`: which of the two policies (0, 1) goes first in trial i; `salt`: so that the hash tells nothing of it."""

    names: tuple[str, str]
    first: tuple[int, ...]
    salt: str

    def hash(self) -> str:
        """What is published before the first trial."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def policy_of(self, slot: str, trial: int) -> int:
        """Which policy plays."""
        return self.first[trial] ^ SLOTS.index(slot)


def draw(names: tuple[str, str], trials: int) -> Sealed:
    """An order in which each goes first equally often (once more where the number is odd)."""
    halves = [i % 2 for i in range(trials)]
    odd = secrets.randbelow(2)
    secrets.SystemRandom().shuffle(halves)
    return Sealed(names, tuple(i ^ odd for i in halves), secrets.token_hex(16))


def keep(sealed: Sealed, out: Path) -> None:
    """Put it away, and its hash beside it."""
    out.mkdir(parents=True, exist_ok=True)
    (out / SEALED).write_bytes(base64.b85encode(json.dumps(asdict(sealed)).encode()))
    (out / SEAL).write_text(sealed.hash() + "\n")


def find(out: Path) -> Sealed | None:
    """What was put away, if anything was.

    Raises:
        UsageError: it is not what it was when the session began.
    """
    if not (out / SEALED).exists():
        return None
    values = json.loads(base64.b85decode((out / SEALED).read_bytes()))
    sealed = Sealed(tuple(values["names"]), tuple(values["first"]), values["salt"])
    if sealed.hash() != (out / SEAL).read_text().strip():
        raise UsageError(f"{out / SEALED} does not belong to {out / SEAL}: one was changed after the session began, so the comparison is void")
    return sealed


def evaluate(config: RobotConfig, command: str) -> None:
    """Both policies on each layout, one after the other; when all is scored, the reports."""
    contestants = both(config)
    name = config.only_env()
    jobs = [make_job(c, identities(c, config.robot), command) for c in contestants]
    trials = planned_trials(config)
    sealed = find(config.out_dir) or draw(policy_names(contestants), len(trials))
    if sealed.names != policy_names(contestants) or len(sealed.first) < len(trials):
        raise UsageError(f"{config.out_dir} holds a session of {' and '.join(sealed.names)} over {len(sealed.first)} trials; choose another out=")
    keep(sealed, config.out_dir)
    hidden = identities(replace(config, policy="zero", checkpoint=None, against=None), config.robot)[name] | HIDDEN
    hidden.pop("execute")
    with ExitStack() as stack:
        writers = {slot: stack.enter_context(ResultsWriter(config.out_dir / slot, hidden)) for slot in SLOTS}
        todo = [(t, slot) for t in trials for slot in SLOTS if t.index not in writers[slot].finished]
        if todo:
            env = stack.enter_context(open_env(config, name))
            policies = [make_policy(env, c.policy, job.make_policy) for c, job in zip(contestants, jobs, strict=True)]
            display = stack.enter_context(Display(f"{name} · A/B, sealed · {config.robot}", {name: 2 * len(trials)}))
            for trial, slot in todo:
                who = sealed.policy_of(slot, trial.index)
                run = EnvRun(_hidden(jobs[who].runs[name].provenance, config_hash(hidden)), config.out_dir / slot, jobs[who].runs[name].planner)
                play(env, [Turn(trial, policies[who], run, writers[slot], hidden=True)], config.video, display.show, config.record_dir(name))
                if slot == SLOTS[1]:
                    _note_preference(config.out_dir, trial, env.operator.prefer(trial))
    unseal(config, command)


def both(config: RobotConfig) -> tuple[RobotConfig, RobotConfig]:
    """The two configurations that are compared."""
    assert config.against
    other = replace(config, policy=config.against, checkpoint=config.against_checkpoint)
    return config, other


def policy_names(contestants: tuple[RobotConfig, RobotConfig]) -> tuple[str, str]:
    """What tells them apart."""
    first, second = ((f"{c.policy}-{Path(c.checkpoint).name}" if c.checkpoint else c.policy) for c in contestants)
    return first, second


def unseal(config: RobotConfig, command: str) -> None:
    """Sort the rows into a folder for each policy, and report each beside the other.

    Raises:
        UsageError: trials are still to be played, or nothing was ever sealed.
    """
    out, sealed = config.out_dir, find(config.out_dir)
    if sealed is None:
        raise UsageError(f"nothing is sealed in {out}; run stage=evaluate first, or give out=")
    rows = {slot: {r.trial: r for r in read(out / slot / RESULTS_FILE) if r.counted} for slot in SLOTS}
    lacking = [i for i in range(len(sealed.first)) if any(i not in rows[slot] for slot in SLOTS)]
    if lacking:
        raise UsageError(f"trials {lacking} are not scored yet, so the order stays sealed; run the same command with stage=evaluate")
    folders = [out / name for name in sealed.names]
    for who, contestant in enumerate(both(config)):
        known = identities(contestant, config.robot)[config.only_env()]
        played = [_named(rows[slot][i], slot, sealed.names[who], known) for i in range(len(sealed.first)) for slot in SLOTS if sealed.policy_of(slot, i) == who]
        (folders[who] / RESULTS_FILE).unlink(missing_ok=True)
        with ResultsWriter(folders[who], known) as writer:
            for row in played:
                writer.append(row)
    console = Console()
    for who in (0, 1):
        console.print(write_report(folders[who], [folders[1 - who]]), highlight=False, soft_wrap=True, markup=False)
    console.print(preferred(out, sealed), highlight=False, soft_wrap=True, markup=False)


def preferred(out: Path, sealed: Sealed) -> str:
    """How often which policy was liked better, in one line."""
    path = out / PREFERENCES
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    last = {line["trial"]: line["preferred"] for line in lines}
    count = Counter("tie" if slot == "tie" else sealed.names[sealed.policy_of(slot, i)] for i, slot in last.items())
    told = ", ".join(f"{name} {count[name]}" for name in (*sealed.names, "tie"))
    return f"preferred: {told}, of {len(sealed.first)}"


def _hidden(provenance: Any, hashed: str) -> Any:
    told = {k: v for k, v in HIDDEN.items() if k != "execute"}
    return dataclasses.replace(provenance, **told, config_hash=hashed)


def _named(row: Result, slot: str, name: str, known: Identity) -> Result:
    """The row with its policy, and paths that lead from the policy's folder to what was recorded."""
    paths = {key: f"../{slot}/{getattr(row, key)}" for key in ("video", "log") if getattr(row, key)}
    told = {key: known[key] for key in ("policy", "checkpoint", "checkpoint_hash", "reason_every")}
    return dataclasses.replace(row, **told, **paths, config_hash=config_hash(known), note=f"{row.note} ({name} went {slot})".strip())


def _note_preference(out: Path, trial: Trial, slot: str | None) -> None:
    if slot is not None:
        with (out / PREFERENCES).open("a") as file:
            file.write(json.dumps({"trial": trial.index, "preferred": slot}) + "\n")

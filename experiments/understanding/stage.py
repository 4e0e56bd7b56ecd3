"""stage=understand: read the benchmarks, ask what has not been answered, score everything, report."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from experiments import pool, provenance
from experiments.errors import UsageError
from experiments.understanding.answers import FILE, Answer, AnswersFile, bad_answer, read_answers
from experiments.understanding.asking import Answered, Asker, Batch, Job
from experiments.understanding.benchmarks import BENCHMARKS
from experiments.understanding.export import export
from experiments.understanding.progress import Questions as Progress
from experiments.understanding.protocols import PROTOCOLS
from experiments.understanding.readers.find import Questions, read
from experiments.understanding.report import Run, read_numbers, write_report
from experiments.understanding.scores import score
from policy.answering import Answerer

ANSWERER = "answerer.json"  # what the policy says about itself, for the report of a later run that asks nothing


@dataclass(frozen=True)
class Plan:
    """What is asked of whom. `name`: how the policy is called in tables; `weights`: a hash of what answers; `folder`: where it lies."""

    name: str
    policy: str
    folder: Path
    weights: str
    benchmarks: tuple[str, ...]
    data: Path
    protocol: str
    out: Path
    batch: int = 8
    limit: int | None = None
    workers: pool.Workers = 0
    beside: tuple[Path, ...] = ()


def understand(plan: Plan, command: str, console: Console | None = None) -> None:
    """Run the plan; called again, it goes on where it stopped.

    Raises:
        UsageError: a benchmark is not under `data`, or OUT holds answers of something else.
    """
    console = console or Console()
    if not plan.data.exists():
        raise UsageError(f"no data at {plan.data}; give data= the folder that has the benchmarks")
    if plan.data.is_file() and len(plan.benchmarks) > 1:
        raise UsageError(f"{plan.data} is one file for {len(plan.benchmarks)} benchmarks; give data= the folder, or one benchmark")
    found = {name: read(BENCHMARKS[name], plan.data) for name in plan.benchmarks}
    make = functools.partial(make_answerer, plan.policy, plan.folder)
    facts = _ask(plan, found, make, console)
    told = write_report(plan.out, _run(plan, found, facts | {"command": command}))
    console.print(f"{told}\n{plan.out}/report.html", highlight=False, soft_wrap=True, markup=False)


def make_answerer(policy: str, folder: Path) -> Answerer:
    """Who answers; called in the process that asks.

    Raises:
        ValueError: `folder` holds no such model.
    """
    from policy.hf_vlm import HfVlm, is_plain

    if policy == "hf_vlm":
        return HfVlm.open(folder)
    from policy.answering import FixedSizeAnswerer
    from policy.inference import ChatVLAPolicy

    ours = ChatVLAPolicy.from_pretrained(folder)
    return HfVlm.of_chatvla(ours) if is_plain(ours) else FixedSizeAnswerer(ours)


def _ask(plan: Plan, found: Mapping[str, Questions], make: functools.partial[Answerer], console: Console) -> dict[str, str]:
    """Have everything answered that is not on disk yet; what the answerer says about itself."""
    known = plan.out / ANSWERER
    with ExitStack() as stack:
        files = {}
        for name, questions in found.items():
            files[name] = AnswersFile(plan.out / name, identity_hash(plan, name, questions))
            stack.callback(files[name].close)
            files[name].add(bad_answer(row) for row in questions.bad if f"row {row.position}" not in files[name].answers)
        asked = {name: questions.samples[: plan.limit] for name, questions in found.items()}
        todo = {name: [s for s in samples if s.id not in files[name].finished] for name, samples in asked.items()}
        batches = [Batch(name, tuple(samples[i : i + plan.batch])) for name, samples in todo.items() for i in range(0, len(samples), plan.batch)]
        job = Job(make, plan.protocol, plan.data)
        progress = stack.enter_context(Progress({n: len(s) for n, s in asked.items()}, {n: len(asked[n]) - len(todo[n]) for n in asked}, console))
        for event in pool.run(functools.partial(Asker, job), batches, plan.workers):
            if isinstance(event, pool.News):
                continue
            batch: Batch = event.item
            if isinstance(event, pool.Done):
                answered: Answered = event.result
                known.write_text(json.dumps(dict(answered.facts), indent=1) + "\n")
                files[batch.benchmark].add(answered.answers)
            else:
                files[batch.benchmark].add(_lost(batch, event.reason))
            progress.advance(batch.benchmark, len(batch.samples))
    return json.loads(known.read_text()) if known.exists() else {}


def _lost(batch: Batch, reason: str) -> list[Answer]:
    """Errors for a batch whose worker died: asked again by the next run."""
    return [Answer(sample.id, "error", sample, error=f"its process died ({reason})") for sample in batch.samples]


def identity_hash(plan: Plan, benchmark: str, questions: Questions) -> str:
    """12 hex digits of what decides an answer: weights, protocol, and the files that were read (by name and size)."""
    files = [(path.name, path.stat().st_size) for path in questions.source.files]
    known: dict[str, Any] = {"policy": plan.policy, "weights": plan.weights, "files": files, **PROTOCOLS[plan.protocol].stamp(benchmark)}
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:12]


def _run(plan: Plan, found: Mapping[str, Questions], facts: Mapping[str, str]) -> Run:
    protocol = PROTOCOLS[plan.protocol]
    results, stamps = [], {}
    for name, questions in found.items():
        benchmark = BENCHMARKS[name]
        answers = _in_order(read_answers(plan.out / name / FILE), questions, plan.limit)
        exported = export(plan.out / name, plan.name, benchmark, answers)
        results.append(score(benchmark, answers, protocol.rules))
        stamps[name] = protocol.stamp(name) | {"files": [str(p) for p in questions.source.files], "predictions": str(exported.relative_to(plan.out))}
    beside = tuple(numbers for folder in plan.beside if (numbers := read_numbers(folder)))
    known = {"model": f"{plan.folder} ({plan.weights})", "protocol": f"{plan.protocol}: {protocol.source}", "judge": "exact matching"}
    versions = ", ".join(f"{k} {v}" for k, v in provenance.versions().items())
    return Run(plan.name, plan.protocol, tuple(results), stamps, known | dict(facts) | {"commit": str(provenance.commit()), "versions": versions}, beside)


def _in_order(answers: Mapping[str, Answer], questions: Questions, limit: int | None) -> Sequence[Answer]:
    """Answers in the order of the questions, then rows that are none."""
    keys = [*(sample.id for sample in questions.samples[:limit]), *(f"row {row.position}" for row in questions.bad)]
    return [answers[key] for key in keys if key in answers]

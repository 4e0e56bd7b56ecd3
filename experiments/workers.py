"""Trials on worker processes: spawned, one trial at a time each, results the same whatever their number."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from envs.types import Policy, Trial
from experiments.results import Result
from experiments.rollout import Provenance, Recorder, rollout
from experiments.video import NoRecorder, VideoRecorder

# Workers share the cores: one thread each, for OpenBLAS and OpenMP and for Mesa's rasteriser too.
WORKER_ENV = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "LP_NUM_THREADS": "0", "TOKENIZERS_PARALLELISM": "false"}


@dataclass(frozen=True)
class Job:
    """What a worker needs; `make_env()` and `make_policy(env)` are picklable and called in the worker."""

    make_env: Callable[[], Any]
    make_policy: Callable[[Any], Policy]
    provenance: Provenance
    out: Path
    video: str = "all"


@dataclass(frozen=True)
class Said:
    """News of a running trial."""

    trial: int
    text: str
    steps_done: int


Event = Said | Result


def run_trials(job: Job, trials: Sequence[Trial], workers: int) -> Iterator[Event]:
    """Yield `Said` and `Result` events as they come, over at most `workers` processes (0: in this one).

    A worker that dies leaves an error row for its trial, and another takes its place.
    """
    if not trials:
        return
    yield from (_serial(job, trials) if workers == 0 else _parallel(job, trials, min(workers, len(trials))))


class _Player:
    """Env and policy of one process, made on first use and made anew after an error."""

    def __init__(self, job: Job, tell: Callable[[Event], None]) -> None:
        self.job, self.tell = job, tell
        self.env: Any = None
        self.policy: Any = None

    def play(self, trial: Trial, position: int) -> Result:
        if self.env is None:
            self.env = self.job.make_env()
            self.policy = self.job.make_policy(self.env)
        wanted = self.job.video != "none"
        inner = VideoRecorder(self.job.out, trial.index, position, self.job.video) if wanted else NoRecorder()
        result = rollout(self.env, self.policy, trial, _Teller(inner, trial.index, self.tell), self.job.provenance)
        if result.outcome == "error":
            self.close()
        return result

    def close(self) -> None:
        if self.env is not None:
            self.env.close()
        self.env = self.policy = None


class _Teller:
    """A recorder that also tells the progress."""

    def __init__(self, inner: Recorder, trial: int, tell: Callable[[Event], None]) -> None:
        self._inner, self._trial, self._tell = inner, trial, tell
        self._text, self._done = "", -1

    def say(self, env: Any, text: str) -> None:
        self._text = text
        self._inner.say(env, text)
        self._tell(Said(self._trial, text, env.steps_done))

    def step(self, env: Any) -> None:
        self._inner.step(env)
        if env.steps_done != self._done:
            self._done = env.steps_done
            self._tell(Said(self._trial, self._text, self._done))

    def end(self, outcome: str) -> str | None:
        return self._inner.end(outcome)


def _serial(job: Job, trials: Sequence[Trial]) -> Iterator[Event]:
    player = _Player(job, lambda event: None)
    try:
        for position, trial in enumerate(trials):
            yield player.play(trial, position)
    finally:
        player.close()


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    trial: Trial | None = None


def _parallel(job: Job, trials: Sequence[Trial], count: int) -> Iterator[Event]:
    todo = list(enumerate(trials))[::-1]
    workers = [_start(job) for _ in range(count)]
    try:
        for worker in workers:
            _feed(worker, todo)
        while busy := [w for w in workers if w.trial is not None]:
            for pipe in wait([w.pipe for w in busy]):
                worker = next(w for w in busy if w.pipe is pipe)
                event = _receive(worker, job.provenance)
                yield event
                if isinstance(event, Result):
                    worker.trial = None
                    if worker.process.exitcode is not None and todo:
                        workers.remove(worker)
                        worker = _start(job)
                        workers.append(worker)
                    _feed(worker, todo)
    finally:
        for worker in workers:
            _stop(worker)


def _start(job: Job) -> _Worker:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    with _environment(WORKER_ENV):
        process = context.Process(target=_work, args=(job, there), daemon=True)
        process.start()
    there.close()
    return _Worker(process, here)


def _feed(worker: _Worker, todo: list[tuple[int, Trial]]) -> None:
    if todo:
        position, worker.trial = todo.pop()
        worker.pipe.send((worker.trial, position))


def _receive(worker: _Worker, provenance: Provenance) -> Event:
    try:
        return worker.pipe.recv()
    except (EOFError, ConnectionError):
        worker.process.join()
        trial, code = worker.trial, worker.process.exitcode
        assert trial is not None
        return Result(
            trial.env, trial.index, trial.seed, trial.split, trial.shift, outcome="error",
            error=f"the worker process died (exit code {code}) during this trial", **asdict(provenance),
        )  # fmt: skip


def _stop(worker: _Worker) -> None:
    worker.pipe.close()  # an idle worker ends by itself; one in mid-trial is told to
    if worker.trial is not None:
        worker.process.terminate()
    worker.process.join(5)
    if worker.process.exitcode is None:
        worker.process.kill()


def _work(job: Job, pipe: Connection) -> None:
    """A worker's life: play what comes, until the pipe closes. Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    player = _Player(job, pipe.send)
    try:
        while True:
            trial, position = pipe.recv()
            pipe.send(player.play(trial, position))
    except (EOFError, ConnectionError):
        pass
    finally:
        player.close()
        sys.stdout.flush()


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables that a spawned child inherits, unless the user has set them."""
    mine = {k: v for k, v in values.items() if k not in os.environ}
    os.environ.update(mine)
    try:
        yield
    finally:
        for name in mine:
            del os.environ[name]

"""A pool of workers, each busy with one item at a time: in this process, in processes beside it, or on a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, Protocol

# Workers share the cores: one thread each, for OpenBLAS and OpenMP and for Mesa's rasteriser too.
WORKER_ENV = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "LP_NUM_THREADS": "0", "TOKENIZERS_PARALLELISM": "false"}

Workers = int | Literal["ray"]  # processes (0: none but this one), or as many as a Ray cluster has CPUs


class Worker(Protocol):
    """What works, made once in each process: called with an item it gives the result, and tells news meanwhile."""

    def __call__(self, item: Any, tell: Callable[[Any], None], /) -> Any: ...

    def close(self) -> None:
        """Release what it holds."""
        ...


@dataclass(frozen=True)
class News:
    """What a worker tells about an item before it is done (worker processes only)."""

    item: Any
    what: Any


@dataclass(frozen=True)
class Done:
    """An item's result."""

    item: Any
    result: Any


@dataclass(frozen=True)
class Died:
    """The process that worked on the item is gone."""

    item: Any
    reason: str


Event = News | Done | Died


def run(make_worker: Callable[[], Worker], items: Sequence[Any], workers: Workers) -> Generator[Event, None, None]:
    """Work through the items and yield events as they come; `make_worker` is picklable and called where the work is done.

    Another worker takes the place of one that dies. An exception that a worker raises is raised here.
    """
    if not items:
        return
    if workers == "ray":
        from experiments import ray_pool  # an optional dependency

        yield from ray_pool.run(make_worker, items)
    else:
        yield from (_serial(make_worker, items) if workers == 0 else _parallel(make_worker, items, min(workers, len(items))))


def _serial(make_worker: Callable[[], Worker], items: Sequence[Any]) -> Iterator[Event]:
    worker = make_worker()
    try:
        for item in items:
            yield Done(item, worker(item, lambda news: None))
    finally:
        worker.close()


@dataclass
class _Process:
    process: Any
    pipe: Connection
    item: Any = None
    busy: bool = False


def _parallel(make_worker: Callable[[], Worker], items: Sequence[Any], count: int) -> Iterator[Event]:
    todo = list(items)[::-1]
    processes = [_start(make_worker) for _ in range(count)]
    try:
        for process in processes:
            _feed(process, todo)
        while busy := [p for p in processes if p.busy]:
            for pipe in wait([p.pipe for p in busy]):
                process = next(p for p in busy if p.pipe is pipe)
                event = _receive(process)
                yield event
                if isinstance(event, News):
                    continue
                process.busy = False
                if isinstance(event, Died) and todo:
                    processes.remove(process)
                    process = _start(make_worker)
                    processes.append(process)
                _feed(process, todo)
    finally:
        for process in processes:
            _stop(process)


def _start(make_worker: Callable[[], Worker]) -> _Process:
    # Spawned, never forked: an OpenGL context does not outlive a fork.
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    with _environment(WORKER_ENV):
        process = context.Process(target=_work, args=(make_worker, there), daemon=True)
        process.start()
    there.close()
    return _Process(process, here)


def _feed(process: _Process, todo: list[Any]) -> None:
    if todo:
        process.item, process.busy = todo.pop(), True
        process.pipe.send(process.item)


def _receive(process: _Process) -> Event:
    try:
        kind, what = process.pipe.recv()
    except (EOFError, ConnectionError):
        process.process.join()
        return Died(process.item, f"exit code {process.process.exitcode}")
    if kind == "raised":
        raise what
    return (News if kind == "news" else Done)(process.item, what)


def _stop(process: _Process) -> None:
    process.pipe.close()  # an idle worker ends by itself; one in mid-work is told to
    if process.busy:
        process.process.terminate()
    process.process.join(5)
    if process.process.exitcode is None:
        process.process.kill()


def _work(make_worker: Callable[[], Worker], pipe: Connection) -> None:
    """A worker's life: do what comes, until the pipe closes. Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker = None
    try:
        while True:
            item = pipe.recv()
            worker = worker or make_worker()
            pipe.send(("done", worker(item, lambda news: pipe.send(("news", news)))))
    except (EOFError, ConnectionError):
        pass
    except Exception as error:
        error.add_note("raised in a worker process")
        pipe.send(("raised", error))
    finally:
        if worker is not None:
            worker.close()
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

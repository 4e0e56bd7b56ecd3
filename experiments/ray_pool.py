"""The pool on a Ray cluster: one actor for each free CPU; a cluster of this machine alone where there is no other."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from experiments.errors import UsageError
from experiments.pool import WORKER_ENV, Died, Done, Event, Worker

try:
    import ray
    from ray.exceptions import RayActorError, RayTaskError
except ImportError as error:
    raise UsageError(f"workers=ray needs Ray: pip install -e '.[ray]' -c constraints.txt, or give a number of processes ({error})") from error


def run(make_worker: Callable[[], Worker], items: Sequence[Any]) -> Iterator[Event]:
    """As `experiments.pool.run`; joins the cluster of RAY_ADDRESS or of this machine's `ray start`, or makes one here.

    Nodes must have this package installed and see the output folder at the same path. Workers tell no news.
    """
    mine = not ray.is_initialized()
    if mine:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield from _share_out(make_worker, items, count=max(1, min(len(items), int(ray.available_resources().get("CPU", 1)))))
    finally:
        if mine:
            ray.shutdown()


class _Host:
    """An actor's life: make the worker on first use, do one item at a time."""

    def __init__(self, make_worker: Callable[[], Worker]) -> None:
        self._make_worker, self._worker = make_worker, None

    def work(self, item: Any) -> Any:
        self._worker = self._worker or self._make_worker()
        return self._worker(item, lambda news: None)


def _share_out(make_worker: Callable[[], Worker], items: Sequence[Any], count: int) -> Iterator[Event]:
    remote = ray.remote(num_cpus=1, runtime_env={"env_vars": WORKER_ENV})(_Host)  # type: ignore[arg-type]
    todo = list(items)[::-1]
    idle: list[Any] = [remote.remote(make_worker) for _ in range(count)]
    busy: dict[Any, tuple[Any, Any]] = {}
    try:
        while todo or busy:
            while todo and idle:
                host, item = idle.pop(), todo.pop()
                busy[host.work.remote(item)] = host, item
            for ref in ray.wait(list(busy))[0]:
                host, item = busy.pop(ref)
                event = _outcome(ref, item)
                idle.append(remote.remote(make_worker) if isinstance(event, Died) else host)
                yield event
    finally:
        for host in (*idle, *(host for host, _ in busy.values())):
            ray.kill(host)  # its CPU is free at once, also in a cluster that stays


def _outcome(ref: Any, item: Any) -> Event:
    try:
        return Done(item, ray.get(ref))
    except RayActorError as error:
        return Died(item, str(error).splitlines()[0])
    except RayTaskError as error:
        raise error.cause from None

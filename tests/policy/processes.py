"""Training in several processes of this machine, as torchrun would start them: gloo instead of NCCL."""

from __future__ import annotations

import multiprocessing
import os
import socket
import traceback
from collections.abc import Callable
from typing import Any

TIMEOUT_S = 180


def together(processes: int, function: Callable[..., None], *args: Any) -> None:
    """Runs `function(*args)`, importable, in that many processes that know of each other.

    Raises:
        AssertionError: one of them failed, with its traceback.
    """
    # A server that has imported the network forks them: no process imports it twice, none forks a running torch.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.policy.processes", "policy.train"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    failures = context.SimpleQueue()
    started = [context.Process(target=_one, args=(rank, processes, port, failures, function, args)) for rank in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join(TIMEOUT_S)
        if process.is_alive():
            process.kill()
    told = failures.get() if not failures.empty() else ""
    assert all(process.exitcode == 0 for process in started), told or [process.exitcode for process in started]


def _one(rank: int, processes: int, port: int, failures: Any, function: Callable[..., None], args: tuple[Any, ...]) -> None:
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0", "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "test",
    }  # fmt: skip
    import torch

    torch.set_num_threads(1)
    try:
        function(*args)
    except BaseException:
        failures.put(traceback.format_exc())
        raise



"""Servers and a client for the tests, written from openpi's protocol alone: they share no code with what they test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgpack
import numpy as np
from websockets.asyncio.server import serve
from websockets.sync.client import ClientConnection, connect

from policy.server import PolicyServer, port_of


def encode(value: Any) -> Any:
    """Arrays as openpi's maps with keys of bytes."""
    return msgpack.packb(value, default=lambda a: {b"__ndarray__": True, b"data": a.tobytes(), b"dtype": a.dtype.str, b"shape": a.shape})


def decode(data: Any) -> Any:
    """The inverse of `encode`."""

    def hook(value: dict[Any, Any]) -> Any:
        return np.ndarray(value[b"shape"], value[b"dtype"], value[b"data"]) if b"__ndarray__" in value else value

    return msgpack.unpackb(data, object_hook=hook)


@contextmanager
def listening(make: Callable[[int], Any]) -> Iterator[int]:
    """The port of a server, run in a thread: `make(port)` gives its asynchronous context."""
    loop, ready, stop, ports = asyncio.new_event_loop(), threading.Event(), asyncio.Event(), []

    async def run() -> None:
        async with make(0) as server:
            ports.append(port_of(server))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert ready.wait(20)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


def serving(server: PolicyServer) -> Any:
    """The port of one of our servers."""
    return listening(lambda port: server.listen("127.0.0.1", port))


def tiny_server(answer: Callable[[dict[str, Any]], Any], metadata: Any = None) -> Any:
    """The port of a server of others: it sends metadata, then what `answer` says to each message; None hangs up."""

    async def converse(connection: Any) -> None:
        await connection.send(encode(metadata or {}))
        async for data in connection:
            told = answer(decode(data))
            if told is None:
                return
            await connection.send(told if isinstance(told, str) else encode(told))

    return listening(lambda port: serve(converse, "127.0.0.1", port, compression=None, max_size=None))


def dial(port: int) -> ClientConnection:
    """A client's connection; what comes first is the metadata."""
    return connect(f"ws://127.0.0.1:{port}", compression=None, max_size=None, proxy=None, ping_interval=None)

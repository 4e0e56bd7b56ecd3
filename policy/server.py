"""A policy behind a websocket, as openpi's clients expect it: metadata first, then an answer to each observation.

One set of weights serves all connections, a pass at a time; what a trial changes in a policy belongs to its
connection. An error is told to the client as a text with the traceback, its connection is closed, the server goes on.
"""

from __future__ import annotations

import asyncio
import copy
import http
import logging
import traceback
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from envs.types import Inference, Policy, Trial
from policy import checkpoint, wire
from policy.batching import Asked, Batcher
from policy.messages import CONTRACT, CONTRACT_HASH, TRIAL, answer_message, read_observation, read_trial

MAX_BYTES = 16 * 2**20  # of a message; three cameras are 0.7 MB
UNNAMED = Trial("unnamed", 0)  # what a client of others is taken to run: the same noise on every connection

log = logging.getLogger(__name__)


class Dialect(Protocol):
    """How clients are spoken with."""

    def metadata(self, policy: Mapping[str, Any]) -> Mapping[str, Any]:
        """What every client is told first; `policy` is what there is to say of the policy."""
        ...

    def read(self, policy: Policy, message: dict[str, Any]) -> Asked | str:
        """What a message asks of the connection's policy; a text answers it at once."""
        ...

    def answer(self, asked: Asked, inference: Inference, execute: int, infer_s: float) -> Mapping[str, Any]:
        """An inference of a policy that executes `execute` actions of a chunk, as the client expects it."""
        ...


class Ours:
    """Observations and actions as they are; our own clients and openpi's."""

    def metadata(self, policy: Mapping[str, Any]) -> Mapping[str, Any]:
        """The policy, our contract and its hash."""
        return {**policy, CONTRACT: checkpoint.contract(), CONTRACT_HASH: checkpoint.contract_hash()}

    def read(self, policy: Policy, message: dict[str, Any]) -> Asked:
        """An observation; a message with a trial begins it.

        Raises:
            ContractError: the client announces another contract.
            ValueError: the message is no observation.
        """
        check_announced(message)
        if TRIAL in message:
            policy.reset(read_trial(message[TRIAL]))
        return Asked(*read_observation(message))

    def answer(self, asked: Asked, inference: Inference, execute: int, infer_s: float) -> Mapping[str, Any]:
        """Actions, reasoning and times."""
        return answer_message(inference, infer_s)


@dataclass
class PolicyServer:
    """`about` tells clients of the policy, as `dialect` has it. `max_bytes`: a longer message closes its connection.

    `max_batch`: so many clients are served in one pass of the network.
    """

    policy: Policy
    about: Mapping[str, Any] = field(default_factory=dict)
    max_bytes: int = MAX_BYTES
    dialect: Dialect = field(default_factory=Ours)
    max_batch: int = 1

    def __post_init__(self) -> None:
        self.batcher = Batcher(self.max_batch)

    def listen(self, host: str, port: int) -> AbstractAsyncContextManager[Server]:
        """An asynchronous context in which the server answers; port 0 takes a free one.

        Raises:
            OSError: the address is taken or is none of this machine's.
        """
        return serve(
            self._converse, host, port, compression=None, max_size=self.max_bytes, process_request=_health,
            origins=[None],  # a web page in somebody's browser reaches 127.0.0.1 too, and says its origin; no client of ours does
        )  # fmt: skip

    async def _converse(self, connection: ServerConnection) -> None:
        policy = copy.copy(self.policy)  # shares the weights; `reset` gives the copy a state of its own
        try:
            policy.reset(UNNAMED)
            await connection.send(wire.pack(dict(self.dialect.metadata(self.about))))
            async for data in connection:
                await connection.send(await self._answer(policy, data))
        except ConnectionClosed as closed:
            log.info("%s: %s", connection.remote_address, closed)
        except Exception:
            told = traceback.format_exc()
            log.warning("%s: %s", connection.remote_address, told)
            await connection.send(told)
            await connection.close(CloseCode.INTERNAL_ERROR, "internal error; the text before this tells it")

    async def _answer(self, policy: Policy, data: bytes | str) -> bytes | str:
        asked = await asyncio.to_thread(_read, self.dialect, policy, data)
        if isinstance(asked, str):
            return asked
        inference, infer_s = await self.batcher.infer(policy, asked)
        answer = await asyncio.to_thread(self.dialect.answer, asked, inference, policy.execute, infer_s)
        return wire.pack(dict(answer))


def _read(dialect: Dialect, policy: Policy, data: bytes | str) -> Asked | str:
    if isinstance(data, str):
        raise wire.WireError(f"a text came ({data[:40]!r}), expected a msgpack message as bytes")
    message = wire.unpack(data)
    if not isinstance(message, dict):
        raise wire.WireError(f"a {type(message).__name__} came, expected a mapping with an observation")
    return dialect.read(policy, message)


def check_announced(message: Mapping[str, Any]) -> None:
    """Refuse a client that announces another contract than this code's; one that announces none is let in.

    Raises:
        checkpoint.ContractError: naming each difference, where the client sent its contract too.
    """
    announced = message.get(CONTRACT_HASH)
    if announced in (None, checkpoint.contract_hash()):
        return
    differs = checkpoint.differences(message.get(CONTRACT) or {})
    raise checkpoint.ContractError(
        f"the client's contract {announced} is not this server's {checkpoint.contract_hash()}: {'; '.join(differs)}; run both with the same code"
    )


def port_of(server: Server) -> int:
    """The port that a server listens on."""
    return next(iter(server.sockets)).getsockname()[1]


def _health(connection: ServerConnection, request: Request) -> Response | None:
    return connection.respond(http.HTTPStatus.OK, "OK\n") if request.path == "/healthz" else None

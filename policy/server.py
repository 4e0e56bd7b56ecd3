"""A policy behind a websocket, as openpi's clients expect it: metadata first, then an answer to each observation.

One set of weights serves all connections, one inference at a time; what a trial changes in a policy belongs to its
connection. An error is told to the client as a text with the traceback, its connection is closed, the server goes on.
"""

from __future__ import annotations

import asyncio
import copy
import http
import logging
import time
import traceback
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from envs.types import Policy, Trial
from policy import checkpoint, wire
from policy.messages import CONTRACT, CONTRACT_HASH, TRIAL, answer_message, read_observation, read_trial

MAX_BYTES = 16 * 2**20  # of a message; three cameras are 0.7 MB
UNNAMED = Trial("unnamed", 0)  # what a client of others is taken to run: the same noise on every connection

log = logging.getLogger(__name__)


class Dialect(Protocol):
    """How clients are spoken with."""

    def metadata(self, policy: Mapping[str, Any]) -> Mapping[str, Any]:
        """What every client is told first; `policy` is what there is to say of the policy."""
        ...

    def respond(self, policy: Policy, message: dict[str, Any]) -> Mapping[str, Any] | str:
        """The answer to a message: a mapping, or a text where the client expects one."""
        ...


class Ours:
    """Observations and actions as they are; our own clients and openpi's."""

    def metadata(self, policy: Mapping[str, Any]) -> Mapping[str, Any]:
        """The policy, our contract and its hash."""
        return {**policy, CONTRACT: checkpoint.contract(), CONTRACT_HASH: checkpoint.contract_hash()}

    def respond(self, policy: Policy, message: dict[str, Any]) -> Mapping[str, Any]:
        """Actions, reasoning and times; a message with a trial begins it.

        Raises:
            ContractError: the client announces another contract.
            ValueError: the message is no observation.
        """
        check_announced(message)
        if TRIAL in message:
            policy.reset(read_trial(message[TRIAL]))
        observation, instruction = read_observation(message)
        began = time.perf_counter()
        inference = policy.infer(observation, instruction)
        return answer_message(inference, time.perf_counter() - began)


@dataclass
class PolicyServer:
    """`about` tells clients of the policy, as `dialect` has it. `max_bytes`: a longer message closes its connection."""

    policy: Policy
    about: Mapping[str, Any] = field(default_factory=dict)
    max_bytes: int = MAX_BYTES
    dialect: Dialect = field(default_factory=Ours)

    def __post_init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

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
        async with self._one_at_a_time:
            return await asyncio.to_thread(_respond, self.dialect, policy, data)


def _respond(dialect: Dialect, policy: Policy, data: bytes | str) -> bytes | str:
    if isinstance(data, str):
        raise wire.WireError(f"a text came ({data[:40]!r}), expected a msgpack message as bytes")
    message = wire.unpack(data)
    if not isinstance(message, dict):
        raise wire.WireError(f"a {type(message).__name__} came, expected a mapping with an observation")
    answer = dialect.respond(policy, message)
    return answer if isinstance(answer, str) else wire.pack(dict(answer))


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

"""A policy behind a websocket: ours, or any server that speaks openpi's protocol, as `envs.types.Policy`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect

from envs.types import ACTION_DIM, EXECUTE, Inference, Observation, Trial
from policy import checkpoint, wire
from policy.messages import CONTRACT, CONTRACT_HASH, TRIAL, observation_message, trial_message

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0  # between two attempts to connect; doubled each time
MAX_BYTES = 64 * 2**20  # of an answer


class RemoteError(RuntimeError):
    """No server, no answer, or an answer that is none; the message names the address."""


class Adapter(Protocol):
    """How a server is spoken to."""

    def begin(self, trial: Trial) -> Mapping[str, Any]:
        """What the first observation of a trial holds besides."""
        ...

    def check(self, metadata: Mapping[str, Any]) -> None:
        """Refuse a server by what it says of itself."""
        ...

    def message(self, observation: Observation, instruction: str) -> dict[str, Any]:
        """The observation in the server's words."""
        ...

    def actions(self, actions: NDArray[np.float64], observation: Observation) -> NDArray[np.float64]:
        """The server's actions (n, d) as ours (n, 10)."""
        ...


class Ours:
    """Our own server: observations and actions as they are, the trial (for its noise) and our contract."""

    def begin(self, trial: Trial) -> Mapping[str, Any]:
        """The trial; contract and hash, so that a server of another contract refuses."""
        return {TRIAL: trial_message(trial), CONTRACT: checkpoint.contract(), CONTRACT_HASH: checkpoint.contract_hash()}

    def check(self, metadata: Mapping[str, Any]) -> None:
        """Refuse a server whose contract is another.

        Raises:
            ContractError: naming each difference.
        """
        if metadata.get(CONTRACT_HASH) not in (None, checkpoint.contract_hash()):
            differs = checkpoint.differences(metadata.get(CONTRACT) or {})
            raise checkpoint.ContractError(f"the server has another contract: {'; '.join(differs)}; run both with the same code")

    def message(self, observation: Observation, instruction: str) -> dict[str, Any]:
        """Pixels, agent_pos, prompt."""
        return observation_message(observation, instruction)

    def actions(self, actions: NDArray[np.float64], observation: Observation) -> NDArray[np.float64]:
        """The same.

        Raises:
            ValueError: they are not (n, 10).
        """
        return checked_width(actions, ACTION_DIM, "policy_adapter=ours")


def checked_width(actions: NDArray[np.float64], width: int, adapter: str) -> NDArray[np.float64]:
    """The actions, if they are (n, width).

    Raises:
        ValueError: they are not; the message names the adapter.
    """
    if actions.ndim != 2 or actions.shape[1] != width:
        raise ValueError(f"actions have shape {actions.shape}, {adapter} expects (n, {width}); is it the right adapter for this server?")
    return actions


@dataclass
class RemotePolicy:
    """`wait_s`: how long to try for a connection; `timeout_s`: how long an answer may take (a first one may compile)."""

    url: str
    adapter: Adapter
    wait_s: float = 10.0
    timeout_s: float = 120.0
    name: str = "remote"
    execute: int = EXECUTE
    _connection: ClientConnection | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.metadata: Mapping[str, Any] = {}
        self._open = ExitStack()
        self._opening: Mapping[str, Any] = {}

    def reset(self, trial: Trial) -> None:
        """Connects, unless a connection is open, and lets the server know of the trial with the next observation.

        Raises:
            RemoteError: there is no server, or it says nothing.
            ContractError: it has another contract.
        """
        self.connect()
        self._opening = self.adapter.begin(trial)

    def infer(self, observation: Observation, instruction: str) -> Inference:
        """The server's actions as ours, its words, and `seconds` by part: the server's own, and `network`: the way, packing, the wait for its other clients.

        Raises:
            RemoteError: the server failed (with its own last words), is gone, is too slow, or gave no finite actions.
        """
        if self._connection is None:
            raise RemoteError(f"{self.url} is not connected; call reset first")
        message = self.adapter.message(observation, instruction)
        began = time.perf_counter()
        try:
            answer = self._told(lambda c: (c.send(wire.pack({**message, **self._opening})), c.recv(self.timeout_s))[1])
            seconds = _seconds(answer, time.perf_counter() - began)
            chunk = self.adapter.actions(self._actions(answer), observation)
        except Exception:
            self.close()
            raise
        self._opening = {}
        return Inference(np.ascontiguousarray(chunk, np.float32), str(answer.get("reasoning", "")), seconds)

    def connect(self) -> None:
        """Connects, trying again with growing pauses for `wait_s`; what the server says of itself is `metadata`.

        Raises:
            RemoteError: there is no server, or it says nothing.
            ContractError: it has another contract.
        """
        if self._connection is not None and self._connection.state is State.OPEN:
            return
        self.close()
        self._connection = self._connected()
        try:
            self.metadata = self._told(lambda c: c.recv(self.timeout_s))
            self.adapter.check(self.metadata)
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Ends the connection, if there is one."""
        self._open.close()
        self._connection = None

    def _connected(self) -> ClientConnection:
        deadline, pause = time.monotonic() + self.wait_s, FIRST_PAUSE_S
        while True:
            try:
                # No pings: a server that compiles its network answers none for minutes.
                connection = connect(self.url, compression=None, max_size=MAX_BYTES, ping_interval=None, close_timeout=1, proxy=None)
                return self._open.enter_context(connection)
            except (OSError, InvalidHandshake, InvalidMessage) as error:
                if time.monotonic() + pause > deadline:
                    raise RemoteError(
                        f"no policy server at {self.url} within {self.wait_s:g} s ({type(error).__name__}: {error}); "
                        "start one (python -m policy.serve policy=chatvla_tiny port=8000), or give policy_url=ws://HOST:PORT"
                    ) from error
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _told(self, ask: Callable[[ClientConnection], Any]) -> dict[str, Any]:
        assert self._connection is not None
        try:
            data = ask(self._connection)
        except TimeoutError as error:
            raise RemoteError(f"{self.url} did not answer within {self.timeout_s:g} s") from error
        except ConnectionClosed as error:
            raise RemoteError(f"{self.url} is gone in the middle of a trial: {error}") from error
        if isinstance(data, str):
            raise RemoteError(f"{self.url} failed: {data.strip().splitlines()[-1] if data.strip() else 'it did not say why'}")
        message = wire.unpack(data)
        if not isinstance(message, dict):
            raise RemoteError(f"{self.url} sent a {type(message).__name__}, expected a mapping; is it a policy server?")
        return message

    def _actions(self, answer: Mapping[str, Any]) -> NDArray[np.float64]:
        if not isinstance(answer.get("actions"), np.ndarray):
            raise RemoteError(f"{self.url} answered without an array 'actions'; it has {', '.join(sorted(map(str, answer)))}")
        actions = np.asarray(answer["actions"], np.float64)
        if not np.isfinite(actions).all():
            bad = np.argwhere(~np.isfinite(actions))[0].tolist()
            raise RemoteError(f"{self.url} answered actions that are not finite, the first at {bad}; they were refused")
        return actions


def _seconds(answer: Mapping[str, Any], total_s: float) -> dict[str, float]:
    timing = answer.get("server_timing")
    if not isinstance(timing, dict) or "infer_ms" not in timing:
        return {"network and server": total_s}
    server_s = float(timing["infer_ms"]) / 1000
    return {"network": total_s - server_s, "server": server_s}

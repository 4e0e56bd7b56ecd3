"""The command line of the policy server: `python -m policy.serve policy=chatvla_tiny port=8000 host=127.0.0.1`."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from envs.types import EXECUTE, HORIZON, Policy
from policy import checkpoint
from policy.arguments import parse, usage
from policy.baselines import Random, Zero
from policy.running import Running
from policy.server import Dialect, Ours, PolicyServer, port_of

SHIPPED = Path(__file__).parent / "checkpoints"
BASELINES = {"zero": Zero, "random": Random}
MODULE = "policy.serve"


@dataclass(frozen=True)
class ServeOptions:
    """`host`: who may connect (127.0.0.1: this machine alone; there is no password). `max_mb`: of a message.

    `max_batch`: clients served in one pass of the network, as many as wait; an answer then depends on who else asks by a
    rounding error. The rest is how the network runs: `policy.running`.
    """

    policy: str = "chatvla_tiny"
    checkpoint: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    max_mb: int = 16
    max_batch: int = 1
    device: str = "auto"
    precision: str = "auto"
    compile: str = "none"
    reason_every: int = 1
    execute: int = EXECUTE


Options = TypeVar("Options", bound=ServeOptions)


def make_policy(options: ServeOptions) -> tuple[Policy, dict[str, Any]]:
    """The policy, and what its clients are told of it: name, actions executed of a chunk, the SHA-256 of its weights.

    Raises:
        ValueError: no policy of that name, or a checkpoint of another contract.
        FileNotFoundError: no such checkpoint.
    """
    if options.policy in BASELINES and not options.checkpoint:
        policy: Policy = BASELINES[options.policy]()
        return policy, {"policy": policy.name, "execute": policy.execute, "horizon": HORIZON}
    folder = Path(options.checkpoint) if options.checkpoint else SHIPPED / options.policy
    if not folder.is_dir():
        names = sorted([*BASELINES, *(p.name for p in SHIPPED.iterdir() if p.is_dir())])
        raise FileNotFoundError(f"no checkpoint at {folder}; give checkpoint=FOLDER, or policy= one of {', '.join(names)}")
    from policy.inference import ChatVLAPolicy

    running = Running(**{f.name: getattr(options, f.name) for f in fields(Running)})
    policy = ChatVLAPolicy.from_pretrained(folder, running)
    weights = checkpoint.read_card(folder)["weights_sha256"]
    return policy, {"policy": policy.name, "execute": policy.execute, "horizon": HORIZON, "weights_sha256": weights}


async def run(options: ServeOptions, dialect: Dialect) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        OSError: the port is taken.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    policy, about = make_policy(options)
    async with PolicyServer(policy, about, options.max_mb * 2**20, dialect, options.max_batch).listen(options.host, options.port) as server:
        at = f"{options.host}:{port_of(server)}"
        print(f"{policy.name} answers on ws://{at}, health on http://{at}/healthz, contract {checkpoint.contract_hash()}; Ctrl-C stops it", flush=True)
        await stop.wait()
    print("stopped", flush=True)


def command(argv: Sequence[str], module: str, kind: type[Options], dialect: Callable[[Options], Dialect]) -> int:
    """Serve in a dialect; the exit code: 0, or 2 for a mistake of the caller."""
    if {"-h", "--help"} & set(argv):
        print(usage(module, kind), kind.__doc__, sep="\n\n")
        return 0
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    try:
        options = parse(argv, module, kind)
        asyncio.run(run(options, dialect(options)))
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def main(argv: Sequence[str]) -> int:
    """Serve our own clients and openpi's."""
    return command(argv, MODULE, ServeOptions, lambda _: Ours())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

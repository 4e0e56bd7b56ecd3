"""Talks with a policy about what its cameras see, and tells it to act: `python -m experiments.chat env=sort_toys`.

Questions are about the camera that is looked through; `/act` lets the policy do the task, or what else it is told, while
its words and the steps that are done appear. Ctrl-C stops it where it is, and it can be asked again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from envs.names import TASK_NAMES, checked_name
from envs.types import CAMERAS, Split, Trial
from experiments.live import Live
from policy.arguments import parse, usage
from policy.chat import speaker
from policy.conversation import Command, Conversation, with_line_editing

MODULE = "experiments.chat"


@dataclass(frozen=True)
class ChatOptions:
    """`trial` and `split`: which layout; /reset goes to the next."""

    env: str = "sort_toys"
    policy: str = "chatvla_tiny"
    checkpoint: str = ""
    trial: int = 0
    split: str = "test"
    seed: int = 0
    camera: str = "left"
    out: str = "outputs/chat"


def conversation(options: ChatOptions) -> tuple[Conversation, Live]:
    """A conversation in a running scene; whoever asked for it closes the scene's environment.

    Raises:
        ValueError: no such task, split, camera, policy or checkpoint.
    """
    checked_name(options.env, TASK_NAMES, "env")
    checked_name(options.split, ("test", "train"), "split")
    checked_name(options.camera, CAMERAS, "camera")
    policy = speaker(options.policy, options.checkpoint)
    from envs.sim_env import SimEnv  # here, where a mistake in the options has been told

    split: Split = "test" if options.split == "test" else "train"
    live = Live(SimEnv(options.env), policy, Trial(options.env, options.trial, options.seed, split), Path(options.out))
    talk = Conversation(policy, live, Path(options.out), options.camera)
    add_commands(talk, live)
    return talk, live


def add_commands(talk: Conversation, live: Live) -> None:
    """What a person can do in a running scene besides asking and looking."""

    def act(words: str) -> None:
        try:
            for line in live.act(words or live.env.instruction):
                talk.say(line)
        finally:
            if live.video is not None:
                talk.say(f"video: {live.video}")
        talk.show(live.look(talk.camera))

    def reset(number: str) -> None:
        if number and not number.isdigit():
            raise ValueError(f"/reset {number}: expected the number of a trial, or nothing for the next")
        t = live.trial
        live.reset(Trial(t.env, int(number) if number else t.index + 1, t.seed, t.split, t.shift))
        talk.say(f"trial {live.trial.index}: {live.env.instruction}")
        talk.show(live.look(talk.camera))

    def save(name: str) -> None:
        talk.say(f"saved {live.save(talk.folder / (name or f'trial_{live.trial.index:04d}'))}")

    talk.commands.pop("save")
    talk.add(
        Command("act", "[WORDS]", "do the task, or what WORDS say; a video is kept", act),
        Command("reset", "[N]", "another scene: trial N, or the next", reset),
        Command("save", "[NAME]", "save the pictures of all cameras", save),
    )


def main(argv: Sequence[str]) -> int:
    """Talk; the exit code: 0, or 2 for a mistake of the caller."""
    if {"-h", "--help"} & set(argv):
        print(f"{usage(MODULE, ChatOptions)}\n\n{__doc__}")
        return 0
    try:
        talk, live = conversation(parse(argv, MODULE, ChatOptions))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    with_line_editing()
    talk.say(f'{live.env.task.name}, trial {live.trial.index}: "{live.env.instruction}" Ask, or /act; /help lists what else there is.')
    talk.hear("/look")
    try:
        talk.run()
    finally:
        live.env.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A conversation in a terminal: lines that begin with / are commands, all others are questions about what is looked at.

What is looked at (pictures from files, the cameras of an environment) is behind `Eyes`; whoever has more than eyes adds
commands of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from envs.types import CAMERAS
from policy.half_blocks import WIDTH, half_blocks, shows_colour

Frame = NDArray[np.uint8]


class Eyes(Protocol):
    """Where pictures come from."""

    def look(self, camera: str) -> Frame:
        """(H, W, 3) uint8 RGB.

        Raises:
            ValueError: there is no such picture; the message says which there are.
        """
        ...


class Speaker(Protocol):
    """A policy that answers, telling each piece as it is spoken."""

    def answer(self, images: Frame, question: str, camera: str = "left", on_text: Callable[[str], None] | None = None) -> str: ...


@dataclass(frozen=True)
class Command:
    """`/name argument`; `run` gets the argument and raises ValueError for one that it cannot use."""

    name: str
    argument: str
    help: str
    run: Callable[[str], None]


class Conversation:
    """Reads lines until /quit or the end of the input; a mistake is told and the conversation goes on."""

    def __init__(
        self, policy: Speaker, eyes: Eyes, folder: Path, camera: str = CAMERAS[0], source: TextIO | None = None, out: TextIO | None = None
    ) -> None:
        self.policy, self.eyes, self.folder, self.camera = policy, eyes, folder, camera
        self._source, self._out = source or sys.stdin, out or sys.stdout
        self._open = True
        self.commands: dict[str, Command] = {}
        self.add(
            Command("look", f"[{'|'.join(CAMERAS)}]", "show what a camera sees; questions are about it from now on", self._look),
            Command("save", "[NAME]", "save the picture that is looked at", self._save),
            Command("help", "", "this list", self._help),
            Command("quit", "", "end (or Ctrl-D)", self._quit),
        )

    def add(self, *commands: Command) -> None:
        """More commands, listed before those of every conversation."""
        self.commands = {c.name: c for c in commands} | self.commands

    def run(self) -> None:
        """Talk until the end."""
        while self._open:
            try:
                line = self._read()
            except EOFError:
                break
            except KeyboardInterrupt:
                self.say("")
                continue
            try:
                self.hear(line.strip())
            except KeyboardInterrupt:
                self.say("\nstopped")
            except (ValueError, OSError) as error:
                self.say(str(error))

    def hear(self, line: str) -> None:
        """Answer a question or do a command.

        Raises:
            ValueError: no such command, or an argument that it cannot use.
        """
        if not line:
            return
        if not line.startswith("/"):
            self._answer(line)
            return
        name, _, argument = line[1:].partition(" ")
        if name not in self.commands:
            raise ValueError(f"no command /{name}; there are {', '.join(f'/{c}' for c in self.commands)}")
        self.commands[name].run(argument.strip())

    def say(self, text: str) -> None:
        """A line to the person."""
        print(text, file=self._out, flush=True)

    def show(self, image: Frame) -> None:
        """The picture, where the terminal has colours."""
        if shows_colour(self._out):
            self.say(half_blocks(image, min(WIDTH, shutil.get_terminal_size().columns)))
        else:
            self.say(f"({image.shape[1]}x{image.shape[0]} picture of camera {self.camera})")

    def _answer(self, question: str) -> None:
        spoken: list[str] = []

        def tell(piece: str) -> None:
            spoken.append(piece)
            print(piece, end="", file=self._out, flush=True)

        answer = self.policy.answer(self.eyes.look(self.camera), question, self.camera, tell)
        self.say("" if spoken else answer or "(says nothing)")

    def _look(self, camera: str) -> None:
        if camera and camera not in CAMERAS:
            raise ValueError(f"no camera '{camera}'; there are {', '.join(CAMERAS)}")
        image = self.eyes.look(camera or self.camera)
        self.camera = camera or self.camera
        self.show(image)

    def _save(self, name: str) -> None:
        path = self.folder / f"{name or self.camera}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(self.eyes.look(self.camera)).save(path)
        self.say(f"saved {path}")

    def _help(self, _: str) -> None:
        width = max(len(f"/{c.name} {c.argument}") for c in self.commands.values())
        for c in self.commands.values():
            self.say(f"  {f'/{c.name} {c.argument}':{width}}  {c.help}")
        self.say("  anything else is a question about what is looked at; Ctrl-C stops an answer or a motion")

    def _quit(self, _: str) -> None:
        self._open = False

    def _read(self) -> str:
        prompt = f"{self.camera}> "
        if self._source is sys.stdin and sys.stdin.isatty():
            return input(prompt)
        line = self._source.readline()
        if not line:
            raise EOFError
        return line


def with_line_editing() -> None:
    """Arrow keys and history at the prompt, where Python has readline."""
    with contextlib.suppress(ImportError):
        importlib.import_module("readline")  # which is all that `input` asks for

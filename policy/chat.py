"""Talks with a network about pictures, in the terminal: `python -m policy.chat policy=chatvla_tiny image=picture.png`.

`image` is a picture, or a folder with left.png, right.png and wrist.png as `/save` of `python -m experiments.chat` writes
them. To see through the cameras of a running scene, and to tell the network to act: `python -m experiments.chat`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from envs.types import CAMERAS
from policy.arguments import parse, usage
from policy.conversation import Command, Conversation, Frame, Speaker, with_line_editing
from policy.serve import BASELINES, SHIPPED

MODULE = "policy.chat"


@dataclass(frozen=True)
class ChatOptions:
    """`camera`: through which of the robot's cameras the network shall take a single picture to be seen."""

    policy: str = "chatvla_tiny"
    checkpoint: str = ""
    image: str = ""
    camera: str = "left"
    out: str = "outputs/chat"


class Pictures:
    """Pictures from files: one for every camera, or a file of its own for each."""

    def __init__(self, path: Path) -> None:
        self.open(path)

    def open(self, path: Path) -> None:
        """Look at another file or folder.

        Raises:
            ValueError: there is no picture.
        """
        files = {c: path / f"{c}.png" for c in CAMERAS if (path / f"{c}.png").is_file()} if path.is_dir() else dict.fromkeys(CAMERAS, path)
        if not files:
            raise ValueError(f"no {', '.join(f'{c}.png' for c in CAMERAS)} in {path}; give image=FILE, or a folder that has one of them")
        self._frames = {camera: read_picture(file) for camera, file in files.items()}

    def look(self, camera: str) -> Frame:
        """(H, W, 3) uint8 RGB."""
        if camera not in self._frames:
            raise ValueError(f"no picture of camera {camera}; there are {', '.join(self._frames)}")
        return self._frames[camera]


def read_picture(file: Path) -> Frame:
    """(H, W, 3) uint8 RGB of any format that Pillow reads.

    Raises:
        ValueError: there is no such file, or it is no picture.
    """
    try:
        return np.asarray(Image.open(file).convert("RGB"))
    except FileNotFoundError as error:
        raise ValueError(f"no picture at {file}; give image=FILE, or a folder with {', '.join(f'{c}.png' for c in CAMERAS)}") from error
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"{file} is no picture that can be read ({error})") from error


def speaker(policy: str, checkpoint: str) -> Speaker:
    """The network by name, or from a checkpoint folder.

    Raises:
        ValueError: a policy that answers nothing, or no such checkpoint.
    """
    if policy in BASELINES:
        raise ValueError(f"policy={policy} answers no questions; choose policy=chatvla_tiny, or give checkpoint=FOLDER")
    folder = Path(checkpoint) if checkpoint else SHIPPED / policy
    if not folder.is_dir():
        names = sorted(p.name for p in SHIPPED.iterdir() if p.is_dir())
        raise ValueError(f"no checkpoint at {folder}; give checkpoint=FOLDER, or policy= one of {', '.join(names)}")
    # Imported here, where a mistake in the options has been told: torch takes seconds.
    from policy.inference import ChatVLAPolicy

    return ChatVLAPolicy.from_pretrained(folder)


def conversation(options: ChatOptions) -> Conversation:
    """A conversation about the pictures.

    Raises:
        ValueError: no such camera, picture, policy or checkpoint.
    """
    if options.camera not in CAMERAS:
        raise ValueError(f"camera={options.camera}; expected one of {', '.join(CAMERAS)}")
    if not options.image:
        raise ValueError(f"image= is missing; {usage(MODULE, ChatOptions)}")
    pictures = Pictures(Path(options.image))
    talk = Conversation(speaker(options.policy, options.checkpoint), pictures, Path(options.out), options.camera)

    def image(argument: str) -> None:
        pictures.open(Path(argument).expanduser())
        talk.show(pictures.look(talk.camera))

    talk.add(Command("image", "FILE", "look at another picture, or a folder of them", image))
    return talk


def main(argv: Sequence[str]) -> int:
    """Talk; the exit code: 0, or 2 for a mistake of the caller."""
    if {"-h", "--help"} & set(argv):
        print(f"{usage(MODULE, ChatOptions)}\n\n{__doc__}")
        return 0
    try:
        talk = conversation(parse(argv, MODULE, ChatOptions))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    with_line_editing()
    talk.say("Ask about the picture; /help lists what else there is.")
    talk.hear("/look")
    talk.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

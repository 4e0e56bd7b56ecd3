"""The kitchen scene."""

from __future__ import annotations

from envs.looks import Builder
from envs.scenes.room import add_room, add_table
from envs.scenes.scene import Scene
from envs.types import Region


def furnish(builder: Builder) -> None:
    """The table, then the room that it hides part of."""
    add_table(builder)
    add_room(builder)


SCENE = Scene("kitchen", furnish, Region(x=(0.40, 0.68), y=(-0.145, 0.145)))

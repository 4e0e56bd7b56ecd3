"""What a kitchen holds."""

from __future__ import annotations

from envs.objects import dishes, fridge, shelf, stove
from envs.objects.kind import Kind

KINDS: tuple[Kind, ...] = (*shelf.KINDS, *dishes.KINDS, *stove.KINDS, *fridge.KINDS)

"""What a kitchen holds: shelf, stove, pot, refrigerator, bread, plates."""

from __future__ import annotations

from envs.objects.kind import Kind

KINDS: tuple[Kind, ...] = ()

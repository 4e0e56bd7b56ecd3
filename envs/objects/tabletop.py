"""What lies on the table top: fruit, balls and cans, boxes with lids, racks."""

from __future__ import annotations

from envs.objects.kind import Kind

KINDS: tuple[Kind, ...] = ()

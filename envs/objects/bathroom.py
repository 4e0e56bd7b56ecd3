"""What a bathroom holds: washbasin, mirror, soap, toothpaste, towels."""

from __future__ import annotations

from envs.objects.kind import Kind

KINDS: tuple[Kind, ...] = ()

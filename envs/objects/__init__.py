"""All kinds of things by name, one file a family."""

from __future__ import annotations

from envs.objects import bathroom, blocks, containers, drawer, figures, kitchen, mugs, tabletop, toys
from envs.objects.kind import Kind

FAMILIES = (toys, blocks, figures, containers, drawer, kitchen, mugs, bathroom, tabletop)
KINDS: dict[str, Kind] = {kind.name: kind for family in FAMILIES for kind in family.KINDS}

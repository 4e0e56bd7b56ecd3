"""All kinds of things by name, one file a family."""

from __future__ import annotations

from envs.objects import bathroom, containers, kitchen, mugs, tabletop, toys
from envs.objects.kind import Kind

FAMILIES = (toys, containers, kitchen, mugs, bathroom, tabletop)
KINDS: dict[str, Kind] = {kind.name: kind for family in FAMILIES for kind in family.KINDS}

"""What lies on the table top: fruit, bread, plates, a ball and its can, a box with a lid, a whiteboard and cards."""

from __future__ import annotations

from envs.objects import ball_and_can, bread, cards, fruit, lid_box, plates
from envs.objects.kind import Kind

FAMILIES = (fruit, bread, plates, ball_and_can, lid_box, cards)
KINDS: tuple[Kind, ...] = tuple(kind for family in FAMILIES for kind in family.KINDS)

"""What lies on the table top: fruit, bread, plates, a ball and its can, a box with a lid."""

from __future__ import annotations

from envs.objects import ball_and_can, bread, fruit, lid_box, plates
from envs.objects.kind import Kind

KINDS: tuple[Kind, ...] = (*fruit.KINDS, *bread.KINDS, *plates.KINDS, *ball_and_can.KINDS, *lid_box.KINDS)

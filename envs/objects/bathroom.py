"""What a bathroom holds: washbasin, soap and its dish, toothpaste, towels."""

from __future__ import annotations

from envs.objects import soap, toothpaste, towel, washbasin
from envs.objects.kind import Kind

KINDS: tuple[Kind, ...] = (*washbasin.KINDS, *soap.KINDS, *toothpaste.KINDS, *towel.KINDS)

"""Mugs with handles, and what they hang on."""

from __future__ import annotations

from envs.objects.kind import Kind

KINDS: tuple[Kind, ...] = ()

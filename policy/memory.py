"""Memory that one training step frees stays with the process for the next.

By default glibc gives every large block back to the system and takes it again, page by page: of a layer of eight experts'
47 ms on one core 15 went there, and 15-20 of the 450 ms of a whole step of `chatvla_tiny`.
"""

from __future__ import annotations

import ctypes

# mallopt(3): parameters, and the largest values that a block may have to come from the heap, and that the heap's end keeps.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
KEPT = ((MMAP_THRESHOLD, 32 << 20), (TRIM_THRESHOLD, 1 << 30), (TOP_PAD, 64 << 20))


def keep_freed_memory() -> bool:
    """Asks the C library to keep up to 1 GiB of freed memory; False where it is not glibc, which changes nothing."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(name, value) for name, value in KEPT)

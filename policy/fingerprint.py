"""What a checkpoint was made by and from, as hashes: the code of the network and its training, and the recorded data."""

from __future__ import annotations

import hashlib
from pathlib import Path

PACKAGE = Path(__file__).parent
DATA_SUFFIXES = (".parquet", ".jsonl", ".npz", ".json")


def of_code() -> str:
    """16 hex digits over the sources of this package."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def of_data(folder: str | Path) -> str:
    """16 hex digits over a data folder's tables, questions and snapshots: names and contents, videos and caches left out.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"no data folder at {root}")
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in DATA_SUFFIXES and "cache" not in p.parts):
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]

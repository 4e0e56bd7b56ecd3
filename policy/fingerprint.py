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


def of_data(task: str | Path, *more: str | Path) -> str:
    """16 hex digits over the tables, questions and snapshots of a data folder, or of one for each task.

    Names and contents count; videos and caches are left out.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    if more:
        return hashlib.sha256("".join(map(of_data, (task, *more))).encode()).hexdigest()[:16]
    root = Path(task)
    if not root.is_dir():
        raise FileNotFoundError(f"no data folder at {root}")
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in DATA_SUFFIXES and "cache" not in p.parts):
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]

"""Executes a notebook from top to bottom in a kernel of this Python, and cleans what it printed of all that is only this machine's."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from experiments.errors import UsageError
from experiments.provenance import commit

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
# What a notebook reads of its environment: whether to shrink trials, tasks and repeats, and the folder of its runs.
FAST, OUT = "NOTEBOOK_FAST", "NOTEBOOK_OUT"


def notebooks(names: Sequence[str] = ()) -> list[Path]:
    """The notebooks whose file names start so, in order; all without names.

    Raises:
        UsageError: there is no such notebook.
    """
    every = sorted(FOLDER.glob("*.ipynb"))
    for name in names:
        if not any(path.name.startswith(name) for path in every):
            raise UsageError(f"no notebook '{name}' in {FOLDER.name}/; there are {', '.join(path.stem for path in every)}")
    return [path for path in every if not names or path.name.startswith(tuple(names))]


def execute(path: Path, fast: bool = False, out: Path | None = None, runs: str | Path = "outputs/notebooks") -> dict[str, Any]:
    """Runs all cells and writes the notebook with its outputs to `out` (default: in place); gives what it wrote.

    It goes on from what earlier executions left in the folder `runs`. Nothing is written when a cell fails.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell fails; the message holds its code and traceback.
    """
    notebook, began = nbformat.read(path, 4), time.monotonic()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    # The package of this checkout, not another that is installed; spawned workers inherit it.
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), FAST: "1" if fast else "", OUT: str(runs)}
    client = NotebookClient(
        notebook, timeout=None, kernel_name="python3", record_timing=False, coalesce_streams=True, resources={"metadata": {"path": str(ROOT)}},
        extra_arguments=["--log-level=ERROR"],
    )  # fmt: skip
    client.execute(env=environment)
    notebook.metadata["run"] = {"fast": fast, "commit": commit(), "seconds": round(time.monotonic() - began)}
    cleaned(notebook)
    nbformat.write(notebook, out or path)
    return notebook


def cleaned(notebook: dict[str, Any]) -> None:
    """Takes machine paths, addresses of objects, the interpreter's version and what libraries log out of the outputs."""
    notebook["metadata"]["language_info"] = {"name": "python"}
    for cell in notebook["cells"]:
        if "outputs" in cell:
            cell["outputs"] = [output for output in cell["outputs"] if output.get("name") != "stderr"]
        for output in cell.get("outputs", []):
            if "text" in output:
                output["text"] = _plain(output["text"])
            for kind, value in output.get("data", {}).items():
                if kind.startswith("text/") and isinstance(value, str):
                    output["data"][kind] = _plain(value)


def _plain(text: str) -> str:
    text = text.replace(f"{ROOT}{os.sep}", "").replace(str(ROOT), ".").replace(sys.prefix, ".venv")
    return re.sub(r" at 0x[0-9a-f]+", "", text)

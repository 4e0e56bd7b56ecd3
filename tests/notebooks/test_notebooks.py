"""Every notebook runs from top to bottom, holds no code of its own, and is shipped with the outputs of a real run."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from experiments.notebooks.__main__ import main
from experiments.notebooks.execute import FOLDER, ROOT, execute, notebooks

PATHS = notebooks()
NAMES = [path.stem for path in PATHS]
LARGEST = 1_000_000  # bytes of a file
MACHINE = re.compile(r"/(?:home|root|work|tmp|Users|mnt)/\w")


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def code(notebook: dict) -> list[str]:
    """The code cells as Python: magics are IPython's."""
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    return ["\n".join(line for line in text.split("\n") if not line.startswith("%")) for text in cells]


def outputs(notebook: dict) -> list[dict]:
    return [output for cell in notebook["cells"] for output in cell.get("outputs", [])]


def test_there_are_seven():
    assert [name[:2] for name in NAMES] == [f"{i:02d}" for i in range(1, 8)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_it_runs_from_top_to_bottom(path, tmp_path, runs):
    before = path.read_bytes()
    ran = execute(path, fast=True, out=tmp_path / path.name, runs=runs)
    assert path.read_bytes() == before
    assert ran["metadata"]["run"]["fast"] is True
    assert all(cell["outputs"] for cell in ran["cells"] if cell["cell_type"] == "code" and "".join(cell["source"]).strip().startswith(("figures.", "verdicts.")))
    assert sum("image/png" in output.get("data", {}) for output in outputs(ran)) >= 1


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_it_defines_nothing(path):
    for text in code(read(path)):
        found = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)]
        assert not found, f"a cell defines something; put it into experiments/notebooks/:\n{text}"


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_it_starts_with_the_paper_s_claim_and_ends_with_ours(path):
    cells = read(path)["cells"]
    assert re.search(r"\*\*The paper's claims?\b", "".join(cells[0]["source"]))
    titles = [line for cell in cells if cell["cell_type"] == "markdown" for line in "".join(cell["source"]).split("\n")]
    assert "## What held" in titles
    assert re.search(r"verdicts\(|closing\(", "".join(cells[-1]["source"]))


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_its_outputs_are_those_of_a_real_run(path):
    notebook = read(path)
    if "run" not in notebook["metadata"]:
        assert not outputs(notebook), "outputs of nobody knows which run; python -m experiments.notebooks"
        pytest.skip(f"{path.name} has not been executed yet: python -m experiments.notebooks {path.name[:2]}")
    assert notebook["metadata"]["run"]["fast"] is False
    counts = [cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1)), "run it from top to bottom: python -m experiments.notebooks"
    assert not [output for output in outputs(notebook) if output["output_type"] == "error"]
    assert len(path.read_bytes()) < LARGEST


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_it_tells_nothing_of_the_machine_that_it_ran_on(path):
    text = json.dumps([*outputs(read(path)), *code(read(path))])
    text = re.sub(r'"image/\w+": "[^"]*"', "", text)
    assert str(ROOT) not in text
    assert not MACHINE.search(text)


def test_a_name_that_no_notebook_has_is_told(capsys):
    assert main(["99"]) == 2
    assert "no notebook '99' in notebooks/; there are 01_" in capsys.readouterr().err
    assert main(["speed=1"]) == 2
    assert "'speed=1' is no option" in capsys.readouterr().err


def test_names_choose_notebooks():
    assert [path.name[:2] for path in notebooks(["07", "01"])] == ["01", "07"]
    assert FOLDER.name == "notebooks"

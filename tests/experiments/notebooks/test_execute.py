"""Executing a notebook: outputs are kept and cleaned, a failing cell fails the execution and writes nothing."""

from __future__ import annotations

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from experiments.notebooks.execute import ROOT, execute


def notebook(path, *cells):
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells]), path)
    return path


def test_it_runs_here_with_what_it_is_told_and_leaves_no_path_of_the_machine(tmp_path):
    path = notebook(
        tmp_path / "a.ipynb",
        "import os, envs\nprint(envs.__file__)\nobject()",
        "print(os.environ['NOTEBOOK_FAST'], os.environ['NOTEBOOK_OUT'], os.getcwd())",
    )
    ran = execute(path, fast=True, runs="elsewhere")
    first, second = ran["cells"]
    assert first["outputs"][0]["text"] == "envs/__init__.py\n"
    assert first["outputs"][1]["data"]["text/plain"] == "<object>"
    assert second["outputs"][0]["text"] == "1 elsewhere .\n"
    assert nbformat.read(path, 4)["metadata"]["run"]["fast"] is True
    assert str(ROOT) not in path.read_text()


def test_a_cell_that_fails_fails_the_execution_and_the_file_stays(tmp_path):
    path = notebook(tmp_path / "a.ipynb", "1 / 0")
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute(path)
    assert path.read_bytes() == before


def test_what_libraries_log_is_no_output(tmp_path):
    path = notebook(tmp_path / "a.ipynb", "import sys\nprint('careful', file=sys.stderr)\nprint('seen')")
    assert [output["text"] for output in execute(path, runs=tmp_path)["cells"][0]["outputs"]] == ["seen\n"]

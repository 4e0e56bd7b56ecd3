"""Every command answers --help with how it is called, and does nothing else."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = {"experiments.sweeping.point_run", "experiments.benchmarks.robosuite_env"}  # run by other commands alone
COMMANDS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for package in ("envs", "policy", "experiments", "sim2real")
    for path in (ROOT / package).rglob("*.py")
    if re.search(r"^if __name__ == .__main__.:", path.read_text(), re.MULTILINE)
)


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in PARTS])
def test_it_tells_how_it_is_called(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [command, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(command, run_name="__main__", alter_sys=False)
    told = capsys.readouterr().out
    assert ended.value.code in (0, None)
    assert re.search(rf"usage: |python -m {re.escape(command)}|python {command.replace('.', '/')}.py", told)
    assert str(ROOT) not in told
    assert not list(tmp_path.iterdir())

"""wandb is off unless it is switched on, and a mode that does not exist is refused."""

import subprocess
import sys

import pytest

from policy.tracking import start_run


def test_off_gives_no_run_and_imports_nothing(tmp_path):
    code = f"import sys, pathlib; from policy.tracking import start_run; assert start_run('off', 'x', {{}}, pathlib.Path({str(tmp_path)!r})) is None; assert 'wandb' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_unknown_mode_is_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown wandb mode 'cloud'; expected one of off, offline, online"):
        start_run("cloud", "x", {}, tmp_path)


def test_offline_logs_under_the_folder_of_the_run(tmp_path):
    run = start_run("offline", "x", {"seed": 0}, tmp_path)
    assert run is not None
    run.log({"eval/success": 1.0})
    run.finish()
    assert list(tmp_path.glob("wandb/offline-run-*"))

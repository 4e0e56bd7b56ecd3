"""Jobs of a sweep: each point is one, a job that dies is a failed point, settings are those of Hydra's launcher.

The jobs run as processes of this machine, by the code that gives them to Slurm.
"""

import os
import signal
import time

import pytest
from rich.console import Console

from experiments import sweep
from experiments.errors import UsageError
from experiments.sweeping import point_run, slurm
from experiments.sweeping.points import grid

QUICK = ["env=take_lid", "trials=1", "workers=0", "video=none"]


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(slurm, "LOOK_S", 0.1)


def prepared(root, overrides):
    return [sweep.prepare(root, point) for point in grid(overrides)]


def state(folder):
    return point_run.read(folder / point_run.STATE)


def test_each_point_is_a_job_and_a_job_that_dies_is_a_failed_point(tmp_path):
    folders = prepared(tmp_path, [*QUICK, "policy=expert,zero"])
    looks = []

    def look():
        looks.append(None)
        dying = state(folders[1])
        if dying.get("state") == "running" and alive(dying["pid"]):
            os.kill(dying["pid"], signal.SIGKILL)

    slurm.run_slurm(slurm.executor(tmp_path, cluster="local"), folders, look)
    assert looks
    assert state(folders[0])["state"] == "done"
    assert state(folders[1])["state"] == "failed"
    assert "its job " in state(folders[1])["error"]
    table = sweep.load(tmp_path)
    assert table[table.metric == "success"].policy.tolist() == ["expert"]


def test_ctrl_c_cancels_the_jobs(tmp_path):
    folders = prepared(tmp_path, ["env=sort_toys", "trials=500", "workers=0", "video=none", "policy=expert"])
    seen = {}

    def look():
        seen.update(state(folders[0]))
        if seen.get("state") == "running":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        slurm.run_slurm(slurm.executor(tmp_path, cluster="local"), folders, look)
    assert state(folders[0]) == {"state": "stopped"}
    ends = time.monotonic() + 60
    while alive(seen["pid"]) and time.monotonic() < ends:
        time.sleep(0.1)
    assert not alive(seen["pid"])


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_job_that_must_go_is_queued_again_as_it_is(tmp_path, monkeypatch):
    (folder,) = prepared(tmp_path, [*QUICK, "policy=zero"])
    monkeypatch.chdir(tmp_path.parent)
    job = slurm.PointJob(tmp_path)
    again = job.checkpoint(folder)
    assert (again.function, again.args) == (job, (folder,))
    again.function(*again.args)
    assert state(folder)["state"] == "done"
    assert os.getcwd() == str(tmp_path)


def test_settings_are_those_of_the_launcher_and_ours_where_nobody_gives_others():
    found = slurm.settings("slurm", ["hydra.launcher.partition=gpu", "hydra.launcher.timeout_min=30"])
    assert found["partition"] == "gpu"
    assert (found["timeout_min"], found["max_num_timeout"], found["name"]) == (30, slurm.DEFAULTS["max_num_timeout"], "sweep")
    with pytest.raises(UsageError, match="partitoin"):
        slurm.settings("slurm", ["hydra.launcher.partitoin=gpu"])


@pytest.mark.parametrize(("launcher", "option"), [("local", "hydra.launcher.partition=gpu"), ("slurm", "hydra.sweep.dir=x")])
def test_an_option_that_would_change_nothing_is_refused(tmp_path, launcher, option):
    with pytest.raises(UsageError, match=f"'{option}' would change nothing"):
        sweep.sweep([*QUICK, "policy=zero"], out=tmp_path, launcher=launcher, launcher_options=[option])


def test_without_slurm_or_the_package_it_says_what_to_do(tmp_path, monkeypatch):
    quiet = Console(quiet=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sweep, "collect_once", lambda points: pytest.fail("it was told too late"))
    with pytest.raises(UsageError, match=r"launcher=slurm: .*srun.*; start the sweep on a machine of the cluster"):
        sweep.sweep([*QUICK, "policy=zero"], out=tmp_path, launcher="slurm", console=quiet)
    with pytest.raises(UsageError, match="launcher=slurm needs the package hydra-submitit-launcher, which is not installed here"):
        slurm.settings("of_nobody", [])
    with pytest.raises(UsageError, match=r"unknown launcher 'slrum'; did you mean 'slurm'?"):
        sweep.sweep([*QUICK, "policy=zero"], out=tmp_path, launcher="slrum", console=quiet)

"""Without a way to render, the message says what to do."""

import os
import subprocess
import sys

import pytest

from envs import gl


def test_without_a_library_the_packages_are_named(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "disabled")
    with pytest.raises(gl.NoGLError, match=r"apt-get install libegl1 .*SimEnv\(cameras=False\)"):
        gl.require()


@pytest.mark.parametrize(("installed", "chosen"), [("EGL OSMesa", "egl"), ("OSMesa", "osmesa"), ("", "disabled")])
def test_the_best_installed_library_is_chosen(monkeypatch, recwarn, installed, chosen):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr(gl.ctypes.util, "find_library", lambda name: name if name in installed.split() else None)
    gl.select()
    assert os.environ["MUJOCO_GL"] == chosen
    assert bool(recwarn.list) is (chosen == "osmesa")


def test_the_users_choice_stands(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    gl.select()
    assert os.environ["MUJOCO_GL"] == "osmesa"


def test_mujoco_imported_too_early_is_explained():
    code = "import mujoco; from envs.sim_env import SimEnv; SimEnv('sort_toys').reset(seed=0)"
    environment = {k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "DISPLAY")}
    failed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert "import envs first" in failed.stderr

"""experiments/gpu.sh: its commands are real ones, and a training goes on over calls and machines, in small pieces."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from experiments import config as conf

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "experiments" / "gpu.sh"

# Stands in for Python: the second stage of the training is interrupted the first time it is tried.
FAKE = """#!/usr/bin/env bash
for a in "$@"; do case $a in stage=*|train.out=*|collect.out=*|out=*|checkpoint=*) key="${a%%=*}"; declare "${key//./_}=${a#*=}"; esac; done
case $stage in
collect) mkdir -p "$collect_out"; touch "$collect_out/demonstrations";;
train)
  [ -f "$collect_out/demonstrations" ] || exit 9
  if [ ! -e "$train_out/1_control/checkpoint" ]; then
    mkdir -p "$train_out"/1_control/{checkpoint,resume} "$train_out/2_cotrain/resume"
    head -c 1000 /dev/urandom > "$train_out/1_control/checkpoint/model-00001-of-00001.safetensors"
    echo old > "$train_out/1_control/resume/last.ckpt"
    head -c 20000000 /dev/urandom > "$train_out/2_cotrain/resume/last.ckpt"
    exit 130
  fi
  [ ! -e "$train_out/2_cotrain/checkpoint" ] || exit 0
  [ -s "$train_out/2_cotrain/resume/last.ckpt" ] || exit 8
  mkdir -p "$train_out/2_cotrain/checkpoint"; echo weights > "$train_out/2_cotrain/checkpoint/model-00001-of-00001.safetensors";;
evaluate) [ -d "$checkpoint" ] || exit 7; mkdir -p "$out"; echo "$checkpoint" > "$out/report.md";;
esac
"""


def call(tmp_path: Path, work: str, *overrides: str, **env: str) -> subprocess.CompletedProcess[str]:
    fake = tmp_path / "python"
    fake.write_text(FAKE)
    fake.chmod(0o755)
    setting = {"PYTHON": str(fake), "OUT": str(tmp_path / "back"), "WORK": str(tmp_path / work), "MINUTES": "2", **env}
    return subprocess.run(["bash", str(SCRIPT), *overrides], env={**os.environ, **setting}, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("overrides", [(), ("train.preset=chatvla_2b", "trials=50", "collect.episodes=20")])
def test_its_commands_are_commands_of_the_entry_point(tmp_path, overrides):
    planned = call(tmp_path, "work", *overrides, PLAN="1").stdout.splitlines()
    configs = [conf.load(shlex.split(line)[2:]) for line in planned]
    assert [c.stage for c in configs] == ["collect", "train", "evaluate"]
    assert len({str(c.data_dir("sort_toys")) for c in configs}) == 1
    assert str(configs[2].checkpoint).startswith(str(configs[1].train_dir))
    assert not (tmp_path / "back").exists()


def test_a_training_goes_on_in_the_next_call_on_a_bare_machine(tmp_path):
    first = call(tmp_path, "one")
    assert (first.returncode, first.stdout.splitlines()[-1].split()[0]) == (0, "unfinished")
    back = sorted((tmp_path / "back").iterdir())
    assert len(back) <= 8
    assert all(p.stat().st_size <= 16 * 2**20 for p in back)
    assert len([p for p in back if p.name.startswith("state")]) == 2
    second = call(tmp_path, "two")
    assert second.stdout.splitlines()[-1].startswith("finished")
    assert (tmp_path / "two/results/report.md").read_text().strip() == str(tmp_path / "two/train/2_cotrain/checkpoint")
    # What finished stages resumed from did not travel, and of their weights the last alone.
    assert not (tmp_path / "two/train/1_control/resume").exists()
    assert list((tmp_path / "two/train/1_control/checkpoint").iterdir())
    third = call(tmp_path, "three")
    assert third.stdout.splitlines()[-1].startswith("finished")
    assert not list((tmp_path / "three/train/1_control/checkpoint").iterdir())


def test_an_error_ends_it_with_the_log(tmp_path):
    (tmp_path / "work/train/1_control/checkpoint").mkdir(parents=True)
    done = call(tmp_path, "work")
    assert done.returncode == 8


def test_a_state_that_is_too_large_is_refused(tmp_path):
    (tmp_path / "work/train/1_control/checkpoint").mkdir(parents=True)
    (tmp_path / "work/train/2_cotrain/resume").mkdir(parents=True)
    (tmp_path / "work/train/2_cotrain/resume/last.ckpt").write_text("state")
    (tmp_path / "work/train/noise").write_bytes(bytes(16 << 20))
    done = call(tmp_path, "work", PIECES="1")
    assert done.returncode == 3
    assert "the state takes 2 pieces of 15 MiB, 1 may come back; train a smaller preset here" in done.stderr

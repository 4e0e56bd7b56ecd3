"""Timing side by side."""

from __future__ import annotations

import json
import sys
import textwrap

import pytest

from experiments.benchmarks import env_speed, timing


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """Makes a contender out of a few lines of Python."""

    def make(code: str) -> timing.Contender:
        (tmp_path / "fake_env.py").write_text(textwrap.dedent(code))
        monkeypatch.setenv("PYTHONPATH", ":".join([str(tmp_path), *filter(None, sys.path)]))
        return timing.Contender("fake_env")

    return make


def test_a_block_gives_the_mean_cost_of_one_call(monkeypatch):
    clock = iter([10.0, 11.0])
    monkeypatch.setattr(timing.time, "process_time", lambda: next(clock))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: 0.0)
    calls = []
    block = timing.timed(lambda: calls.append(1), 4)
    assert len(calls) == 4
    assert block == timing.Block(cpu_ms=250.0, wall_ms=0.0)


def test_a_contender_resets_and_then_steps_as_often_as_asked_whatever_it_prints(worker):
    contender = worker("""
        print("[INFO] noise before it serves")
        from experiments.benchmarks.timing import serve
        log = []
        def reset(): log.append("reset"); print("noise on stdout")
        def step():
            log.append("step")
            assert log[-2] in ("reset", "step")
        serve(reset, step, {"name": "fake"})
    """)
    assert contender.about == {"name": "fake"}
    block = contender.block(3)
    assert block.cpu_ms >= 0
    assert block.wall_ms > 0
    contender.close()


def test_a_contender_that_dies_says_so(worker):
    with pytest.raises(RuntimeError, match="benchmark worker ended with exit code 3"):
        worker("import sys; sys.exit(3)")


def test_a_saved_result_tells_machine_and_versions(tmp_path):
    path = timing.save("x", {"value": 1}, tmp_path / "new")
    saved = json.loads(path.read_text())
    assert saved["value"] == 1
    assert saved["versions"]["mujoco"] == "4.0.0"
    assert saved["machine"]["cores"]


def test_the_ratio_is_the_median_over_neighbouring_blocks(monkeypatch):
    class Fake:
        def __init__(self, module, *arguments):
            self.about = {"name": module, "gl": "none"}
            self.costs = iter([10.0, 20.0, 10.0] if "cameras" in arguments else [100.0, 180.0, 120.0])

        def block(self, steps):
            return timing.Block(next(self.costs), 0.0)

        def close(self):
            pass

    monkeypatch.setattr(env_speed, "Contender", Fake)
    result = env_speed.measure("sort_toys", 3)
    assert result["robosuite_over_ours"] == {"median": 10.0, "min": 9.0, "max": 12.0}
    assert result["steps_per_s"]["cameras"]["median"] == 100.0
    assert env_speed.show(result).row_count == 3

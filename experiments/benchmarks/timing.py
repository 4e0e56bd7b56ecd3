"""Times contenders side by side: each in its own process, one block of steps after the other, in turn."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import mujoco

# One core: BLAS and the software rasteriser otherwise spin a second one, which CPU time counts.
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LP_NUM_THREADS": "0"}
PACKAGES = ("mujoco", "robosuite", "numpy", "gymnasium", "torch", "transformers")


@dataclass(frozen=True)
class Block:
    """A timed block: CPU and wall-clock milliseconds per step."""

    cpu_ms: float
    wall_ms: float


def timed(step: Callable[[], Any], n: int) -> Block:
    """Call `step` n times and give the mean cost of one call (CPU time: all threads of this process)."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(n):
        step()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Block(1000 * cpu / n, 1000 * wall / n)


def serve(reset: Callable[[], Any], step: Callable[[], Any], about: dict[str, str]) -> None:
    """The worker's side: say `about` itself, then answer each number on stdin with a timed block after a fresh reset."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever libraries print goes to stderr
    reset()
    step()  # compilers, caches and GL contexts are made outside the measurement
    print(json.dumps(about), file=answers)
    for line in sys.stdin:
        reset()
        print(json.dumps(vars(timed(step, int(line)))), file=answers)


class Contender:
    """A worker process that runs one environment: `python -m module arguments`."""

    def __init__(self, module: str, *arguments: str):
        command = [sys.executable, "-m", module, *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env={**os.environ, **ONE_CORE}
        )
        self.about: dict[str, str] = self._answer()

    def block(self, steps: int) -> Block:
        """Time that many steps."""
        assert self._process.stdin
        print(steps, file=self._process.stdin, flush=True)
        return Block(**self._answer())

    def peak_mib(self) -> float:
        """The largest resident size that the process has had, MiB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(300)  # a loaded machine takes its time to unload a simulator

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith("{"):  # libraries print too, before a worker takes the stream for itself
                return json.loads(line)
        raise RuntimeError(f"benchmark worker ended with exit code {self._process.wait()}; its error is above")


def summary(values: list[float]) -> dict[str, float]:
    """Median, minimum and maximum."""
    return {"median": median(values), "min": min(values), "max": max(values)}


def machine() -> dict[str, str]:
    """What the numbers were measured on."""
    found = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in found if line.startswith("model name")), platform.processor())
    return {"cpu": model, "cores": str(os.cpu_count()), "python": platform.python_version()}


def versions() -> dict[str, str]:
    """Of everything that the numbers depend on."""
    return {name: version(name) for name in PACKAGES}


def gl_renderer() -> str:
    """Vendor and renderer of the OpenGL that draws the frames, e.g. `Mesa, llvmpipe (LLVM 15.0.6, 256 bits)`."""
    context = mujoco.GLContext(8, 8)
    context.make_current()
    from OpenGL import GL  # its import needs a current context's platform, and fails where no OpenGL is installed

    words = [GL.glGetString(what) or b"unknown" for what in (GL.GL_VENDOR, GL.GL_RENDERER)]
    context.free()
    return ", ".join(word.decode() for word in words)


def save(name: str, result: dict[str, Any], out: str | Path = "outputs/benchmarks") -> Path:
    """Write `out`/`name`.json, with machine, versions and time added."""
    path = Path(out) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    path.write_text(
        json.dumps({**result, "machine": machine(), "versions": versions(), "time": stamp}, indent=2) + "\n"
    )
    return path

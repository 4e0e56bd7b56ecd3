"""Where a number comes from: versions and commit."""

from __future__ import annotations

import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("mujoco", "gymnasium", "numpy", "torch", "transformers", "lightning", "robosuite", "av")
ROOT = Path(__file__).resolve().parent.parent


def versions() -> dict[str, str]:
    """Version of everything that can change a number."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}", "cpu": cpu()}
    if models := gpus():
        found["gpu"] = models[0]
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def cpu() -> str:
    """The processor's model, such as `AuthenticAMD 26.2`: libraries choose their code by it, and so the last bits of a sum."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return "unknown"
    of = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return f"{of.get('vendor_id', 'unknown')} {of.get('cpu family', '?')}.{of.get('model', '?')}"


def gpus(drivers: Path = Path("/proc/driver/nvidia/gpus")) -> list[str]:
    """The models of NVIDIA's GPUs here, as their driver tells them."""
    told = [path.read_text() for path in sorted(drivers.glob("*/information"))]
    return [found[1].strip() for text in told if (found := re.search(r"^Model:(.*)$", text, re.M))]


def commit() -> str | None:
    """The repository's commit, with `+` behind it when tracked files differ from it; None outside of git."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*args: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *args], capture_output=True, text=True, check=True, timeout=10).stdout.strip()

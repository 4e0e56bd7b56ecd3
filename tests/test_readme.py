"""What the READMEs tell a stranger to type exists, their links lead somewhere, and their examples run."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envs.sim_env import SimEnv
from envs.tasks import TASKS, toy
from envs.types import IMAGE_SHAPE, Task, Trial
from experiments import config as run_config
from experiments.sweeping.points import grid
from policy import presets

ROOT = Path(__file__).parents[1]
FOLDERS = ("envs", "policy", "experiments", "sim2real", "notebooks", "extras")
GUIDES = sorted([ROOT / "README.md", *(p for folder in FOLDERS for p in (ROOT / folder).rglob("README.md"))])
README = re.sub(r" *\\\n *", " ", "\n".join(guide.read_text() for guide in GUIDES))  # a command over several lines is one
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = sorted(set(re.findall(r"^make (\w+)|`make (\w+)", README, re.M)))
OVERRIDES = sorted({shlex.join(shlex.split(line.strip(" |"), comments=True)) for line in re.findall(r"experiments/run\.py ([^`\n;$]*)(?![^`\n;]*\$)", README)})
MODULES = sorted(set(re.findall(r"python -m ([\w.]+)", README)))


def example(mark: str) -> str:
    """The Python block behind `<!-- mark -->`."""
    found = re.search(rf"<!-- {mark} -->\n```python\n(.*?)```", README, re.S)
    assert found, f"no README has an example marked {mark}"
    return found[1]


@pytest.mark.parametrize("target", [a or b for a, b in TARGETS])
def test_a_make_target_that_the_readme_names_exists(target):
    assert re.search(rf"^{target}:", MAKEFILE, re.M)
    dry = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
    assert dry.returncode == 0, dry.stderr


def test_make_run_and_make_test_set_up_first():
    for target in ("run", "test"):
        dry = subprocess.run(["make", "-nB", "--no-print-directory", target], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        commands = [line for line in dry.splitlines() if line]
        assert ".ci/setup" in commands[0]
        assert (".venv/bin/python experiments/run.py env=sort_toys" if target == "run" else "pytest -n 2") in commands[
            -1
        ]


@pytest.mark.parametrize("overrides", OVERRIDES)
def test_the_overrides_that_the_readme_names_parse(overrides):
    words = shlex.split(overrides)
    assert grid(words[1:]) if words[0] == "-m" else run_config.load(words).envs


@pytest.mark.parametrize("module", MODULES)
def test_a_module_that_the_readme_runs_exists_and_has_a_main(module):
    spec = importlib.util.find_spec(module)
    assert spec
    assert spec.origin
    origin = Path(spec.origin)
    if origin.name == "__init__.py":  # a package runs its __main__.py
        origin = origin.with_name("__main__.py")
    assert 'if __name__ == "__main__":' in origin.read_text()


def test_the_environment_of_the_readme_runs():
    names: dict[str, Any] = {}
    exec(example("env"), names)
    assert names["observation"]["pixels"]["wrist"].shape == IMAGE_SHAPE
    assert names["env"].spec.id == "ChatVLA/SortToys-v0"
    names["env"].close()


def test_every_task_stands_in_the_table_of_tasks_as_it_is():
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+?) \| (\d+) \| (\d+) \|$", (ROOT / "envs/README.md").read_text(), re.M)
    assert rows == [(t.name, t.scene, t.instruction, str(len(t.steps)), f"{t.time_limit_s:g}") for t in TASKS.values()]


def test_the_task_of_the_readme_is_a_task():
    names = dict(vars(toy))
    exec(example("task"), names)
    task: Task = names["CLEAN_BLOCKS"]
    env = SimEnv(task, cameras=False)
    env.reset(options={"trial": Trial(task.name, 0, split="train")})
    assert [str(step.predicate).split()[0] for step in task.steps] == ["1", "2"]
    assert not any(step.predicate(env.world) for step in task.steps)


def test_the_preset_of_the_readme_is_a_preset():
    names = {**vars(presets), "replace": replace}
    made = eval("{" + example("preset") + "}", names)["chatvla_tiny_paper"]
    assert made.text == presets.PRESETS["chatvla_tiny"].text
    assert made.options == presets.Options()


def anchors(guide: Path) -> set[str]:
    """What `#...` may name in a guide: its headings as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", guide.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.relative_to(ROOT)))
def test_every_link_of_a_readme_leads_somewhere(guide):
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", guide.read_text()):
        name, _, anchor = target.partition("#")
        leads = (guide.parent / name).resolve() if name else guide
        assert leads.exists(), target
        assert not anchor or anchor in anchors(leads), target


def test_every_readme_is_reached_from_the_first():
    seen, left = set(), [ROOT / "README.md"]
    while left:
        guide = left.pop()
        seen.add(guide)
        links = re.findall(r"\]\(([^)#\s]+README\.md)", guide.read_text())
        left += [g for g in ((guide.parent / link).resolve() for link in links) if g not in seen]
    assert seen == set(GUIDES)


def test_the_lists_of_files_are_the_present_ones():
    done = subprocess.run([sys.executable, ".ci/tree.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_version_is_exact_and_comes_from_nowhere_in_particular():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines)
    names = [line.split("==")[0].lower() for line in lines]
    assert len(names) == len(set(names))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(r for extra in project["optional-dependencies"].values() for r in extra)]
    pinned = {re.sub(r"[-_.]+", "-", name) for name in names}
    assert {re.sub(r"[-_.]+", "-", re.split(r"[<>=]", r)[0]).lower() for r in wanted} <= pinned


def test_pyzed_is_never_a_dependency():
    assert not re.search(r"^\s*[\"']?pyzed|\"pyzed", (ROOT / "pyproject.toml").read_text(), re.M)
    assert "pyzed" not in (ROOT / "constraints.txt").read_text()

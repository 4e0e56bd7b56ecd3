"""The architecture: whose names these are, who may import whom, and what stays unloaded.

tests, notebooks -> sim2real -> experiments -> policy, envs -> envs/types.py
"""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("envs", "policy", "experiments", "sim2real")
MAY_IMPORT = {
    "envs": {"envs"},
    "policy": {"policy", "envs"},
    "experiments": {"experiments", "policy", "envs"},
    "sim2real": {"sim2real", "experiments", "policy", "envs"},
}
# All that the policy may know of the world: words, mathematics, recorded data. Never the simulator.
POLICY_SEES = {"envs.types", "envs.spaces", "envs.geometry", "envs.dataset", "envs.imaging"}
# The one file that may import each of these; envs/assets.py finds robosuite's folder without importing it.
ONE_IMPORTER = {
    "robosuite": "experiments/benchmarks/robosuite_env.py",
    "wandb": "policy/",
    "ray": "experiments/ray_pool.py",
    "franky": "sim2real/",
    "pyzed": "sim2real/",
}
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in SOURCES]


def imported(path: Path) -> set[str]:
    """Dotted names of all modules that a file imports, anywhere in it; `from envs import types` is envs.types."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively; write the full name"
            assert node.module
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in inner if is_module(name)}
            found |= modules or {node.module}
    return found


def is_module(name: str) -> bool:
    """Whether the dotted name is a file or package of this repository."""
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def top(name: str) -> str:
    """First word of a dotted name."""
    return name.split(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_import_name_is_this_repositorys(package):
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin == str(ROOT / package / "__init__.py"), f"another '{package}' is installed and comes first"


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_imports_go_one_way(path):
    package = path.relative_to(ROOT).parts[0]
    ours = {name for name in imported(path) if top(name) in {*PACKAGES, "tests", "notebooks"}}
    up = {name for name in ours if top(name) not in MAY_IMPORT[package]}
    assert not up, f"{package} may import {sorted(MAY_IMPORT[package])} only"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.is_relative_to(ROOT / "policy")], ids=lambda p: p.name)
def test_the_policy_sees_of_envs_only_words_and_recorded_data(path):
    seen = {name for name in imported(path) if top(name) == "envs"}
    assert seen <= POLICY_SEES


def test_what_the_policy_sees_leads_to_no_simulator():
    reached, todo = set(), {name for name in POLICY_SEES if is_module(name)}
    while todo:
        name = todo.pop()
        reached.add(name)
        path = ROOT.joinpath(*name.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        todo |= {n for n in imported(file) if top(n) == "envs" and is_module(n)} - reached
        assert not {n for n in imported(file) if top(n) in ("mujoco", "robosuite")}, f"{name} imports the simulator"


def test_the_types_import_nothing_of_this_repository():
    assert not {name for name in imported(ROOT / "envs/types.py") if top(name) in PACKAGES}


@pytest.mark.parametrize("library", ONE_IMPORTER)
def test_a_library_at_the_edge_has_one_importing_file(library):
    importers = [name for name, path in zip(NAMES, SOURCES, strict=True) if library in map(top, imported(path))]
    assert len(importers) <= 1
    assert all(name.startswith(ONE_IMPORTER[library]) for name in importers)


def test_every_imported_library_is_a_declared_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [*project["dependencies"], *(r for extra in ("robot", "ray", "slurm", "notebooks") for r in project["optional-dependencies"][extra])]
    declared = {normalised(re.split(r"[<>=!~\[; ]", requirement)[0]) for requirement in requirements}
    distributions = packages_distributions()
    for name, path in zip(NAMES, SOURCES, strict=True):
        others = {top(n) for n in imported(path)} - set(sys.stdlib_module_names) - set(PACKAGES) - {"pyzed", "franky"}
        for library in others:
            owners = {normalised(owner) for owner in distributions.get(library, [library])}
            assert owners & declared, f"{name} imports {library}, which pyproject.toml does not list"


def normalised(name: str) -> str:
    """A distribution's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_scripts_of_experiments_shadow_no_library():
    """`python experiments/run.py` puts experiments/ first on the path, so its file names become import names."""
    stems = {path.stem for path in (ROOT / "experiments").glob("*.py")} - {"__init__"}
    assert not stems & set(sys.stdlib_module_names)
    assert not stems & set(packages_distributions())


@pytest.mark.parametrize("module", ["envs", "envs.types", "envs.spaces", "policy", "experiments"])
def test_importing_the_words_loads_neither_simulator_nor_network(module):
    code = f"import sys, {module}; print([m for m in ('mujoco', 'torch', 'robosuite', 'wandb') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_file_says_what_it_is():
    silent = [
        name for name, path in zip(NAMES, SOURCES, strict=True) if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent

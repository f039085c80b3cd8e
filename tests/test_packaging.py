"""package.xml and pyproject.toml say the same, and name all that the code imports."""

from __future__ import annotations

import ast
import re
import sys
import xml.etree.ElementTree as ElementTree
from importlib.metadata import packages_distributions
from pathlib import Path

import tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGE = ElementTree.parse(ROOT / "package.xml").getroot()
OURS = {"spikeloop", "spikeloop_sim", "spikeloop_benchmarks"}
PEERS = {"spikingjelly"}
"""A peer of benchmarks that drags torchvision along: they say how to install it without."""


def _declared(*tags: str) -> set[str]:
    return {str(entry.text) for tag in tags for entry in PACKAGE.iter(tag)}


def _distributions(requirements: list[str]) -> set[str]:
    names = (re.split(r"[<>=!~ \[;]", entry, maxsplit=1)[0] for entry in requirements)
    return {name.lower().replace("_", "-") for name in names}


def _imported(folder: str) -> set[str]:
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - OURS


def test_version_description_and_licence_are_the_same() -> None:
    assert PACKAGE.findtext("version") == PROJECT["version"]
    assert PACKAGE.findtext("description") == PROJECT["description"]
    assert PACKAGE.findtext("license") == PROJECT["license"]["text"]


def test_python_dependencies_of_the_package_are_those_of_the_project() -> None:
    # Debian has a package of each of these; the others come from PyPI only.
    system = {
        name.removeprefix("python3-") for name in _declared("exec_depend") if "python3-" in name
    }
    names = {"yaml": "pyyaml"}
    assert {names.get(name, name) for name in system} <= _distributions(PROJECT["dependencies"])


def test_everything_that_is_imported_is_declared() -> None:
    extras = [entry for group in PROJECT["optional-dependencies"].values() for entry in group]
    known = _distributions(PROJECT["dependencies"] + extras)
    ros = _declared("depend", "exec_depend", "test_depend")
    distributions = packages_distributions()
    folders = ("src/spikeloop", "sim/spikeloop_sim", "benchmarks")
    for module in set().union(*map(_imported, folders)) - PEERS:
        names = {name.lower().replace("_", "-") for name in distributions.get(module, [])}
        assert module in ros or names & known, f"{module} is imported but declared nowhere"


def test_constraints_satisfy_every_lower_bound() -> None:
    pins = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().split()
        if "==" in line and not line.startswith("#")
    )
    pins = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    extras = [entry for group in PROJECT["optional-dependencies"].values() for entry in group]
    for entry in PROJECT["dependencies"] + extras:
        name, found, bound = entry.partition(">=")
        if found and name.lower() in pins:
            assert _numbers(pins[name.lower()]) >= _numbers(bound), entry


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])

"""pyproject.toml, environment.yml and constraints.txt must tell one story.

No conda is at hand to solve environment.yml, so it is held to pyproject.toml, which is installed.
"""

import importlib.metadata
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base", "opt-einsum": "opt_einsum"}
CONDA_ONLY = {"python", "pip"}


def read_project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


def requirements(*extras: str) -> dict[str, SpecifierSet]:
    """Name to bounds, for the base dependencies and the extras named."""
    project = read_project()
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return {canonicalize_name(r.name): r.specifier for r in map(Requirement, lines)}


def parse_environment(text: str) -> dict[str, SpecifierSet]:
    """Name to bounds for every line of environment.yml, the pip part included."""
    entries: list[str] = []
    for entry in yaml.safe_load(text)["dependencies"]:
        entries += entry["pip"] if isinstance(entry, dict) else [entry]
    bounds = {}
    for entry in entries:
        if entry == "-e .":
            continue
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)\s*(.*)", entry)
        assert match, f"environment.yml: cannot read {entry!r}"
        bounds[match[1]] = SpecifierSet(match[2])
    return bounds


def expected_environment() -> dict[str, SpecifierSet]:
    wanted = requirements("course", "notebooks", "dev")
    renamed = {CONDA_NAMES.get(name, name): spec for name, spec in wanted.items()}
    python = SpecifierSet(read_project()["requires-python"])
    return renamed | {"python": python, "pip": SpecifierSet()}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def test_environment_yml_names_the_same_packages_and_bounds() -> None:
    assert parse_environment((ROOT / "environment.yml").read_text()) == expected_environment()


@pytest.mark.parametrize(
    ("old", "new"),
    [("numba >=0.61", "numba >=0.60"), ("  - tqdm >=4.66,<5\n", ""), ("segno", "segmo")],
    ids=["bound changed", "package missing", "pip package misspelt"],
)
def test_a_difference_in_environment_yml_is_caught(old: str, new: str) -> None:
    text = (ROOT / "environment.yml").read_text()
    assert old in text
    assert parse_environment(text.replace(old, new)) != expected_environment()


def test_environment_yml_ends_with_this_project() -> None:
    last = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"][-1]
    assert last["pip"][-1] == "-e ."


@pytest.mark.parametrize("name", sorted(requirements("course", "notebooks", "dev")))
def test_installed_version_is_inside_the_bounds(name: str) -> None:
    version = importlib.metadata.version(name)
    assert requirements("course", "notebooks", "dev")[name].contains(version, prereleases=True), (
        version
    )


@pytest.mark.parametrize("name", sorted(requirements("course", "notebooks", "dev", "browser")))
def test_pinned_version_is_inside_the_bounds(name: str) -> None:
    assert requirements("course", "notebooks", "dev", "browser")[name].contains(pins()[name]), (
        pins()[name]
    )


def test_no_pin_names_a_local_build() -> None:
    local = [name for name, version in pins().items() if "+" in version]
    assert not local, f"only this machine can install {local}: drop the part after '+'"

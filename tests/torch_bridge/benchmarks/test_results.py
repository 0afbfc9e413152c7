"""Result files: what they hold, and that no half or impossible one is written."""

from __future__ import annotations

import json
import math
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from torch_bridge.benchmarks import results
from torch_bridge.benchmarks.results import command_line, environment
from tucker_core.files import write_json


def test_environment_names_versions_machine_and_date() -> None:
    found = environment()
    assert found["versions"]["torch"] == version("torch")
    assert {"python", "numpy", "constriction"} <= found["versions"].keys()
    assert found["machine"]["cores"] >= 1
    assert found["machine"]["cpu"]
    assert date.fromisoformat(found["date"]) <= date.today()
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("content", ["no such line\n", None])
def test_cpu_name_without_linux(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "cpuinfo").write_text(content)
    monkeypatch.setattr(results, "Path", lambda _: tmp_path / "cpuinfo")
    monkeypatch.setattr(results.platform, "processor", lambda: "")  # type: ignore[attr-defined]
    assert environment()["machine"]["cpu"] == results.platform.machine()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["/usr/bin/ada-tucker", "demo"], "ada-tucker demo"),
        (["cli.py", "qr", "my net.ada"], "ada-tucker qr 'my net.ada'"),
    ],
)
def test_command_line_can_be_typed_again(
    words: list[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", words)
    assert command_line() == expected


def test_json_round_trip(tmp_path: Path) -> None:
    content = {"name": "größe", "rows": [1.5, 2], "none": None}
    write_json(tmp_path / "new" / "a.json", content)
    text = (tmp_path / "new" / "a.json").read_text(encoding="utf-8")
    assert "größe" in text
    assert text.endswith("\n")
    assert json.loads(text) == content


@pytest.mark.parametrize("bad", [math.nan, math.inf, object()])
def test_what_json_cannot_say_leaves_the_old_file_alone(bad: Any, tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises((ValueError, TypeError)):
        write_json(tmp_path / "a.json", {"new": bad})
    assert json.loads((tmp_path / "a.json").read_text()) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]

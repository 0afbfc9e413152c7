"""The command in an empty folder; the fixtures of the libraries' tests serve the program's, too."""

from pathlib import Path

import pytest

from tests.ada_tucker.tiny_cli import Command, command_in
from tests.torch_bridge.conftest import resnet8, tiny_cache

__all__ = ["ada", "resnet8", "tiny_cache"]


@pytest.fixture
def ada(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Give the command, run in an empty folder."""
    return command_in(tmp_path, monkeypatch, capsys)

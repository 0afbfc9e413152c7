"""All commands and options of `ada-tucker`, as argparse wants them described."""

import argparse
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NoReturn

from ada_tucker.cli.bench import add_bench
from ada_tucker.cli.compress_model import add_compress_model
from ada_tucker.cli.course import add_course
from ada_tucker.cli.demo import add_demo
from ada_tucker.cli.evaluate import add_evaluate
from ada_tucker.cli.export import add_export
from ada_tucker.cli.inspect import add_inspect
from ada_tucker.cli.options import Sub
from ada_tucker.cli.profile import add_profile
from ada_tucker.cli.qr import add_qr
from ada_tucker.cli.sweep import add_ablate, add_pareto
from ada_tucker.cli.terminal import escaped
from ada_tucker.cli.train import add_compress, add_train

COMMANDS: tuple[Callable[[Sub], None], ...] = (
    add_demo, add_train, add_compress, add_pareto, add_ablate, add_evaluate, add_inspect, add_qr,
    add_compress_model, add_profile, add_export, add_bench, add_course,
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """Describe all commands and options."""
    top = _Parser(
        prog="ada-tucker",
        description="Tucker compression of neural networks: small enough for a QR code.",
    )
    top.add_argument("--version", action="version", version=f"ada-tucker {_version()}")
    sub: Any = top.add_subparsers(required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(sub)
    _add_debug(top)
    return top


class _Parser(argparse.ArgumentParser):
    """One whose errors cannot drive the terminal."""

    def error(self, message: str) -> NoReturn:
        super().error(escaped(message))


def _add_debug(command: argparse.ArgumentParser) -> None:
    """Let every command take --debug, before and after its name."""
    command.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS,
        help="show where in the program an error came from",
    )  # fmt: skip
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                _add_debug(inner)


def _version() -> str:
    try:
        return version("ada-tucker")
    except PackageNotFoundError:
        return "(not installed)"

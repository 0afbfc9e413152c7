"""`ada-tucker qr`: a file as a QR code."""

from argparse import Namespace
from pathlib import Path

from ada_tucker.cli.options import Sub
from ada_tucker.cli.preflight import check_apart, check_course, check_file
from ada_tucker.cli.terminal import show
from tucker_core import load


def qr(arguments: Namespace) -> None:
    """Write the file's bytes as a QR code."""
    check_course()
    from course_kit.notebook.qr import make_qr, write_qr

    outs = arguments.out or [
        arguments.file.with_name(f"{arguments.file.stem}_qr{s}") for s in (".svg", ".png")
    ]
    for out in outs:
        check_file(out, ".svg", ".png")
    check_apart(outs, [arguments.file])
    load(arguments.file)  # only a whole and undamaged file is worth printing
    content = arguments.file.read_bytes()
    for out in outs:
        write_qr(content, out)
        show(f"{out}: {len(content):,} bytes in a QR code of version {make_qr(content).designator}")


def add_qr(sub: Sub) -> None:
    """Describe `ada-tucker qr`."""
    command = sub.add_parser("qr", help="write an .ada file as a QR code")
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument(
        "--out", type=Path, nargs="+", help="pictures, .svg or .png (default: both beside FILE)"
    )
    command.set_defaults(run=qr)

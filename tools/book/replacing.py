"""Putting a built site in the place of an older one, without harm to what else lies there."""

import shutil
from pathlib import Path

LIST = ".built"  # names of the files that the last build wrote


def replace(html: Path, out: Path) -> None:
    """Put the built files in the place of those of the last build; whatever else lies there stays."""
    listed, here = out / LIST, out.resolve()
    for name in listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []:
        old = here / name
        if old.resolve().is_relative_to(here) and not old.is_dir():
            old.unlink(missing_ok=True)
    shutil.copytree(html, out, dirs_exist_ok=True)
    names = (path.relative_to(html).as_posix() for path in html.rglob("*") if path.is_file())
    listed.write_text("\n".join(sorted(names)), encoding="utf-8")

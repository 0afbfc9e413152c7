"""Handing out: one notebook for each student, or a bundle with all that students need."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from course_kit.grading.assignment import Assignment
from course_kit.grading.course import Course, course_file, load_course
from tucker_core.files import replacing
from tucker_core.shipped import ROOT

BUNDLED = (
    "LICENSE", "README.md", "pyproject.toml", "setup.py", "constraints.txt", "environment.yml",
    "Makefile", "tasks.py", "tucker_core", "torch_bridge", "course_kit", "ada_tucker", "data/README.md",
    "data/mnist5k.npz", "data/records.json", "data/models",
    "docs/img/lenet5_qr.png", "docs/api.md",
)  # fmt: skip
# What marks submissions, and networks that no student's notebook needs.
LEFT_OUT = (
    "course_kit/grading",
    "course_kit/classroom",
    "course_kit/sandbox",
    "data/models/resnet",
)
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first that a zip knows: the same content, the same bytes


def release(
    assignment: Assignment, students: dict[str, str], course_seed: int, out: Path
) -> list[Path]:
    """Write one notebook for each student, and return those written; what is there stays as it is.

    Run it again with a longer class list to add who came late.

    Raises
    ------
    ValueError
        If the folder was released to with another seed.
    """
    known: dict[str, str] = {}
    if course_file(out, assignment.name).exists():
        before = load_course(out, assignment.name)
        known = before.students
        if before.course_seed != course_seed:
            raise ValueError(
                f"seed {course_seed}: {out} was released with seed {before.course_seed}; use that, or "
                "another folder"
            )
    written = []
    for student in students:
        path = out / f"{assignment.name}_{student}.ipynb"
        if not path.exists():
            with replacing(path) as temporary:
                temporary.write_text(assignment.for_student(student, course_seed), encoding="utf-8")
            written.append(path)
    Course(assignment.name, course_seed, {**known, **students}, assignment.digest).save(out)
    return written


def write_bundle(path: Path, root: Path = ROOT) -> int:
    """Write a zip of the course for students: without instructor's notebooks, solutions and results.

    Returns
    -------
    How many files are in it.

    Raises
    ------
    ValueError
        If this is an installed package: a bundle is made from a checkout.
    """
    if not (root / "notebooks" / "src").is_dir():
        raise ValueError(f"{root} is no checkout of the course: make the bundle in one")
    names = sorted(set(_bundled(root)))
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in names:
            entry = zipfile.ZipInfo(f"ada-tucker/{name}", EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, (root / name).read_bytes(), zipfile.ZIP_DEFLATED)
    return len(names)


def _bundled(root: Path) -> Iterator[str]:
    for name in BUNDLED:
        path = root / name
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            inside = file.relative_to(root).as_posix()
            if file.is_file() and "__pycache__" not in inside and not inside.startswith(LEFT_OUT):
                yield inside
    for notebook in sorted((root / "notebooks").glob("*.ipynb")):
        yield notebook.relative_to(root).as_posix()
    for notebook in sorted((root / "notebooks" / "assignments" / "student").glob("*.ipynb")):
        yield notebook.relative_to(root).as_posix()

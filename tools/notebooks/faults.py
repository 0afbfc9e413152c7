"""What is wrong with a committed notebook, found without running anything."""

import re
from pathlib import Path

import nbformat

from tools.notebooks.differences import visible_outputs
from tools.notebooks.source import Pair, find_pairs, fingerprint, read_source

LARGEST_FILE = 1_000_000  # bytes; beyond about this GitHub stops drawing a notebook
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")


def find_faults(pair: Pair) -> list[str]:
    """Say what makes a committed notebook other than its source's, without running anything."""
    mend = f"run 'make notebooks' and commit {pair.built.name}"
    if not pair.built.exists():
        return [f"{pair.built}: missing: {mend}"]
    wanted = fingerprint(read_source(pair.source))
    try:
        notebook = nbformat.read(pair.built, as_version=4)
    except ValueError:  # no JSON, as after a merge conflict
        return [f"{pair.built}: cannot be read: {mend}"]
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    outputs = [output for cell in code for output in cell.outputs]
    counts = [cell.execution_count for cell in code]
    shown = " ".join(text for _, text in visible_outputs(notebook))
    size = pair.built.stat().st_size
    tests = {
        "cells differ from the source": fingerprint(notebook) != wanted,
        "outputs were made from another source": notebook.metadata.get("built_from") != wanted,
        "not run from top to bottom": counts != list(range(1, len(code) + 1)),
        "has an error among its outputs": any(o.output_type == "error" for o in outputs),
        "shows a memory address, which no two runs share": ADDRESS.search(shown) is not None,
        f"has {size:,} bytes, more than {LARGEST_FILE:,}": size > LARGEST_FILE,
    }
    return [f"{pair.built}: {fault}: {mend}" for fault, found in tests.items() if found]


def find_orphans(folder: Path) -> list[str]:
    """List the notebooks whose source is gone."""
    orphans = set(folder.glob("*.ipynb")) - {pair.built for pair in find_pairs(folder, [])}
    return [f"{path}: has no source in {folder / 'src'}: delete it" for path in sorted(orphans)]

"""The four verbs of `python -m tools.notebooks`."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat

from tools.notebooks.differences import find_differences, keep_timings
from tools.notebooks.faults import find_faults, find_orphans
from tools.notebooks.keep import with_kept_outputs
from tools.notebooks.run import execute
from tools.notebooks.source import FOLDER, Notebook, NotebookError, Pair, find_pairs, fingerprint
from tucker_core.timing import Stopwatch

FORCE = "build: also what is up to date; new timings only if something else changed, too"


def write(notebook: Notebook, path: Path) -> None:
    """Write a notebook whole or not at all."""
    temporary = path.with_suffix(".ipynb.tmp")
    temporary.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
    temporary.replace(path)


def build(pair: Pair, *, force: bool = False) -> list[str]:
    """Execute one source and write its notebook, unless that is up to date.

    Where only the text differs from what is built, the outputs stay and nothing is executed.
    """
    if not force and not find_faults(pair):
        return []
    kept = None if force else with_kept_outputs(pair)
    notebook = kept or execute(pair, budget="default")
    notebook.metadata["built_from"] = fingerprint(notebook)
    if not find_faults(pair):
        keep_timings(pair, nbformat.read(pair.built, as_version=4), notebook)
    write(notebook, pair.built)
    return find_faults(pair)


def smoke(pair: Pair) -> list[str]:
    """Run one source with small budgets, to see that it runs at all."""
    execute(pair, budget="smoke")
    return []


def compare(pair: Pair) -> list[str]:
    """Run one source again and compare it with the committed notebook."""
    if faults := find_faults(pair):
        return faults
    committed = nbformat.read(pair.built, as_version=4)
    return find_differences(pair, committed, execute(pair, budget="default"))


def run_all(verb: str, act: Callable[[Pair], list[str]], pairs: list[Pair]) -> list[str]:
    """Do one thing to each notebook, say how long each took, and collect what is wrong."""
    faults = []
    for pair in pairs:
        watch = Stopwatch()
        try:
            found = act(pair)
        except NotebookError as error:
            found = [str(error)]
        word = "FAILED" if found else "ok"
        print(f"{verb} {pair.name}: {word}, {watch.seconds:.1f} s", flush=True)
        faults += found
    return faults


def parse(arguments: list[str] | None, summary: str | None = __doc__) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="nb.py", description=summary, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=["build", "check", "smoke", "compare"])
    parser.add_argument("names", nargs="*", metavar="NN_name", help="only these notebooks")
    parser.add_argument("--force", action="store_true", help=FORCE)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: %(default)s")
    return parser.parse_intermixed_args(arguments)  # "build --force NN_name" too


def main(arguments: list[str] | None = None, *, summary: str | None = __doc__) -> int:
    """Run one verb over the notebooks; 0 if all is well, 1 if not."""
    options = parse(arguments, summary)
    acts: dict[str, Callable[[Pair], list[str]]] = {
        "build": lambda pair: build(pair, force=options.force),
        "check": find_faults,
        "smoke": smoke,
        "compare": compare,
    }
    try:
        pairs = find_pairs(options.folder, options.names)
    except NotebookError as error:
        print(error, file=sys.stderr)
        return 2
    orphans = find_orphans(options.folder) if options.verb == "check" else []
    faults = run_all(options.verb, acts[options.verb], pairs) + orphans
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0

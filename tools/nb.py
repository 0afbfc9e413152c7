"""Build the notebooks from their sources, and prove that what is committed is what the code gives.

Each ``notebooks/NN_name.ipynb`` is built from ``notebooks/src/NN_name.py`` (percent format),
executed, and committed with its outputs, so that it can be read where nothing runs.

    python tools/nb.py build      execute and write every notebook that is out of date
    python tools/nb.py check      is each one built from its source, run top to bottom?
    python tools/nb.py smoke      run each source with small budgets, write nothing
    python tools/nb.py compare    run each source again, compare with the committed outputs

`check` needs no kernel and takes milliseconds; only `compare` notices that tucker_core now gives
other numbers. A cell tagged ``nondeterministic`` (a timing, say) is not compared.
"""

import argparse
import hashlib
import json
import math
import os
import queue
import re
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jupytext
import nbformat
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from traitlets import Type

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
LARGEST_FILE = 1_000_000  # bytes; beyond about this GitHub stops drawing a notebook
CELL_SECONDS = 600
RELATIVE, ABSOLUTE = 1e-2, 5e-3  # how far a number may be from the committed one
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
WIDGETS = "application/vnd.jupyter.widget-state+json"

Notebook = Any  # nbformat's NotebookNode: a dict with attributes, untyped by its library


class NotebookError(Exception):
    """A notebook that cannot be run, or a name without a source."""


class Pair(NamedTuple):
    """A source and the notebook built from it."""

    source: Path
    built: Path

    @property
    def name(self) -> str:
        """The name both share: NN_name."""
        return self.source.stem


def find_pairs(folder: Path, names: list[str]) -> list[Pair]:
    """List the sources in a folder with their notebooks, or only those named."""
    pairs = [Pair(s, folder / f"{s.stem}.ipynb") for s in sorted((folder / "src").glob("*.py"))]
    known = {pair.name for pair in pairs}
    unknown = sorted(set(names) - known)
    if unknown:
        listing = ", ".join(sorted(known)) or "none"
        raise NotebookError(f"no source for {', '.join(unknown)} in {folder / 'src'}: {listing}")
    return [pair for pair in pairs if not names or pair.name in names]


def read_source(source: Path) -> Notebook:
    """Read a source as a notebook without outputs, with nothing in it that differs by machine."""
    notebook = jupytext.read(source)
    notebook.nbformat, notebook.nbformat_minor = 4, 5  # the first format whose cells have ids
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index:02d}"  # random ids would change every cell at every build
        for key in [key for key in cell.metadata if key.startswith("lines_to_")]:
            del cell.metadata[key]  # jupytext's own notes on blank lines
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook


def fingerprint(notebook: Notebook) -> str:
    """SHA-256 over everything in a notebook that an author writes: cells and their tags."""
    cells = [[c.cell_type, c.source.rstrip(), c.metadata.get("tags", [])] for c in notebook.cells]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def execute(pair: Pair, *, budget: str) -> Notebook:
    """Run a source from top to bottom in a fresh kernel and return it with its outputs.

    Notebooks read the budget ("full" or "smoke") from the environment variable ADA_BUDGET.
    """
    notebook = read_source(pair.source)
    environment = dict(os.environ, ADA_BUDGET=budget, PYTHONHASHSEED="0")
    with tempfile.TemporaryDirectory() as sockets:
        client = NotebookClient(
            notebook,
            km=_kernel_manager(sockets),
            timeout=CELL_SECONDS,
            resources={"metadata": {"path": str(pair.built.parent)}},
            record_timing=False,
            coalesce_streams=True,  # else the same text comes in pieces that differ by timing
        )
        try:
            client.execute(cleanup_kc=True, env=environment)
        except (CellControlSignal, DeadKernelError) as error:
            raise NotebookError(_describe_failure(pair, notebook, error)) from error
    return _without_noise(notebook)


class _Channel(AsyncZMQSocketChannel):
    """Looks for messages every second: a wake-up that got lost has cost ten minutes."""

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return await super().get_msg(max(0.0, min(1.0, deadline - time.monotonic())))
            except queue.Empty:
                if time.monotonic() >= deadline:
                    raise


class _Client(AsyncKernelClient):
    shell_channel_class = iopub_channel_class = Type(_Channel)


def _kernel_manager(folder: str) -> AsyncKernelManager:
    """Talk to kernels through local sockets where there are any: no port that others could open."""
    local = {} if os.name == "nt" else {"transport": "ipc", "ip": f"{folder}/socket"}  # absolute
    return AsyncKernelManager(kernel_name="python3", client_factory=_Client, **local)


def _without_noise(notebook: Notebook) -> Notebook:
    """Drop the kernel's version, and number the widgets instead of their random ids."""
    widgets = notebook.metadata.get("widgets", {})
    models = widgets.get(WIDGETS, {}).get("state", {})
    notebook.metadata = METADATA | ({"widgets": widgets} if models else {})
    text = json.dumps(notebook)
    for index, model in enumerate(models):
        text = text.replace(model, f"{index:032x}")
    return nbformat.from_dict(json.loads(text))


def _describe_failure(pair: Pair, notebook: Notebook, error: Exception) -> str:
    """Say which cell failed, with its source and the error in plain text."""
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                source = textwrap.indent(cell.source, "    ")
                reason = f"{output.ename}: {output.evalue}"
                return f"{pair.source}: cell {index} failed\n{source}\n{pair.name}: {reason}"
    return f"{pair.source}: {error}"  # too slow, or the kernel died: nbclient quotes the cell


def write(notebook: Notebook, path: Path) -> None:
    """Write a notebook whole or not at all."""
    temporary = path.with_suffix(".ipynb.tmp")
    temporary.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
    temporary.replace(path)


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


def find_differences(pair: Pair, committed: Notebook, fresh: Notebook) -> list[str]:
    """Say which cells of a fresh run show something else than the committed notebook."""
    old, new = dict(visible_outputs(committed)), dict(visible_outputs(fresh))
    mend = f"if the new value is right, run 'make notebooks ARGS=\"--force {pair.name}\"'"
    return [
        f"{pair.built}: cell {index}: committed {old.get(index)!r}, now {text!r}: {mend}"
        for index, text in new.items()
        if differs(old.get(index, ""), text)
    ]


def visible_outputs(notebook: Notebook) -> Iterator[tuple[int, str]]:
    """Yield what each comparable cell shows: its text, and of pictures only that there is one."""
    for index, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "code" and "nondeterministic" not in tags:
            yield index, "\n".join(filter(None, map(_visible, cell.outputs)))


def _visible(output: Notebook) -> str:
    if output.output_type == "stream":
        return str(output.text) if output.name == "stdout" else ""
    data = output.get("data", {})
    kinds = sorted(kind for kind in data if kind != "text/plain")
    return f"<{' '.join(kinds)}>" if kinds else str(data.get("text/plain", ""))


def differs(old: str, new: str) -> bool:
    """Whether two texts differ in more than white space and the last digits of their numbers."""
    if _skeleton(old) != _skeleton(new):
        return True
    pairs = zip(NUMBER.findall(old), NUMBER.findall(new), strict=True)
    return any(
        abs(float(a) - float(b)) > ABSOLUTE + RELATIVE * abs(float(a)) for a, b in pairs if a != b
    )


def _skeleton(text: str) -> str:
    """Replace numbers and runs of white space, which may differ."""
    return re.sub(r"\s+", " ", NUMBER.sub("#", text)).strip()


def build(pair: Pair, *, force: bool = False) -> list[str]:
    """Execute one source and write its notebook, unless that is up to date."""
    if not force and not find_faults(pair):
        return []
    notebook = execute(pair, budget="full")
    notebook.metadata["built_from"] = fingerprint(notebook)
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
    return find_differences(pair, committed, execute(pair, budget="full"))


def run_all(verb: str, act: Callable[[Pair], list[str]], pairs: list[Pair]) -> list[str]:
    """Do one thing to each notebook, say how long each took, and collect what is wrong."""
    faults = []
    for pair in pairs:
        started = time.perf_counter()
        try:
            found = act(pair)
        except NotebookError as error:
            found = [str(error)]
        word = "FAILED" if found else "ok"
        print(f"{verb} {pair.name}: {word}, {time.perf_counter() - started:.1f} s", flush=True)
        faults += found
    return faults


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="nb.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=["build", "check", "smoke", "compare"])
    parser.add_argument("names", nargs="*", metavar="NN_name", help="only these notebooks")
    parser.add_argument("--force", action="store_true", help="build: also what is up to date")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: %(default)s")
    return parser.parse_intermixed_args(arguments)  # "build --force NN_name" too


def main(arguments: list[str] | None = None) -> int:
    """Run one verb over the notebooks; 0 if all is well, 1 if not."""
    options = parse(arguments)
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


if __name__ == "__main__":
    sys.exit(main())

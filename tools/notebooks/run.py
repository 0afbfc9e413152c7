"""Run a source in a fresh kernel, and keep of its outputs what every machine would give."""

import json
import os
import tempfile
import textwrap

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError

from course_kit.sandbox.kernel_client import PatientClient
from tools.notebooks.folds import fold_answers
from tools.notebooks.pictures import shrink_and_describe
from tools.notebooks.source import METADATA, Notebook, NotebookError, Pair, read_source

CELL_SECONDS = 600
WIDGETS = "application/vnd.jupyter.widget-state+json"


def execute(pair: Pair, *, budget: str) -> Notebook:
    """Run a source from top to bottom in a fresh kernel and return it with its outputs.

    Notebooks read the budget (see course_kit.notebook.budget) from the environment variable
    ADA_BUDGET. A smoke run drops their asserts, for they speak of results that it has not computed.
    """
    notebook = read_source(pair.source)
    environment = dict(os.environ, ADA_BUDGET=budget, PYTHONHASHSEED="0")
    environment["PYTHONOPTIMIZE"] = "1" if budget == "smoke" else ""
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


def _kernel_manager(folder: str) -> AsyncKernelManager:
    """Talk to kernels through local sockets where there are any: no port that others could open."""
    local = {} if os.name == "nt" else {"transport": "ipc", "ip": f"{folder}/socket"}  # absolute
    return AsyncKernelManager(kernel_name="python3", client_factory=PatientClient, **local)


def _without_noise(notebook: Notebook) -> Notebook:
    """Drop the kernel's version, and number the widgets instead of their random ids."""
    widgets = notebook.metadata.get("widgets", {})
    models = widgets.get(WIDGETS, {}).get("state", {})
    notebook.metadata = METADATA | ({"widgets": widgets} if models else {})
    shrink_and_describe(notebook)
    fold_answers(notebook)
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

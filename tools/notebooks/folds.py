"""Outputs that answer a question come folded: whoever reads has to guess before they look."""

from itertools import pairwise
from typing import Any

from tools.notebooks.source import Notebook

QUESTION = "**Predict"
ANSWER = "answer"  # tag of the cell that answers, where it is not the first one with an output
HIDDEN = "outputs_hidden"


def fold_answers(notebook: Notebook) -> None:
    """Fold what answers each *Predict*: the next cell tagged `answer`, else the next output."""
    cells = notebook.cells
    questions = [index for index, cell in enumerate(cells) if _asks(cell)]
    for start, end in pairwise([*questions, len(cells)]):
        after = [cell for cell in cells[start:end] if cell.get("outputs")]
        tagged = [cell for cell in after if ANSWER in cell.metadata.get("tags", [])]
        for cell in tagged or after[:1]:
            cell.metadata["jupyter"] = {**cell.metadata.get("jupyter", {}), HIDDEN: True}


def is_folded(cell: Any) -> bool:
    """Whether a cell's output is shown only when a reader asks for it."""
    return bool(cell.metadata.get("jupyter", {}).get(HIDDEN))


def _asks(cell: Any) -> bool:
    return cell.cell_type == "markdown" and QUESTION in cell.source

"""What a fresh run of a notebook shows, beside what the committed one shows."""

import re
from collections.abc import Iterator

from tools.notebooks.source import Notebook, Pair

WIDGET = "application/vnd.jupyter.widget-view+json"
RELATIVE, ABSOLUTE = 1e-2, 5e-3  # how far a number may be from the committed one
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")


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
        if cell.cell_type == "code" and not _is_left_to_chance(cell):
            yield index, "\n".join(filter(None, map(_visible, cell.outputs)))


def keep_timings(pair: Pair, committed: Notebook, fresh: Notebook) -> None:
    """Give a fresh run the committed outputs of cells that chance decides, if all others show the same.

    So a notebook that is built again from the same source and the same code has the same bytes.
    """
    if find_differences(pair, committed, fresh):
        return
    for old, new in zip(committed.cells, fresh.cells, strict=True):
        if new.cell_type == "code" and _is_left_to_chance(new):
            new.outputs = old.outputs
            if any(WIDGET in output.get("data", {}) for output in new.outputs):
                fresh.metadata["widgets"] = committed.metadata["widgets"]


def _is_left_to_chance(cell: Notebook) -> bool:
    return "nondeterministic" in cell.metadata.get("tags", [])


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

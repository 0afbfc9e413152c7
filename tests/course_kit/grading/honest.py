"""Honest submissions: other styles, other programs that wrote the file, and slips that cost nothing."""

import json
from typing import Any

from tests.course_kit.grading.hostile import Case, first_cells
from tests.course_kit.grading.tiny_assignment import Raw, filled, find

# Cells that behave in a kernel as they do at home.
STYLES = [
    "display('text', 3)",
    "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);",
    "!echo hello\n%time three = 3\n%%capture\n".replace("\n%%capture\n", ""),
    "%%time\nfour = 4",
    "import asyncio\nawait asyncio.sleep(0)\nfive = await asyncio.sleep(0, 5)",
    "plt.figure(); plt.plot([3, 1]); plt.show()",
    "print('a' * 10); data = data.copy(); 2 + 3",
    "class Helper:\n    factor = 2\n    def __call__(self, x): return self.factor * x",
    "from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: float\np = Point(1.0)",
    "import pickle\nq = pickle.loads(pickle.dumps(p))\nassert q == p",
    "import warnings\nwarnings.warn('take care')",
    "assert __name__ == '__main__'\nget_ipython()",
    "_ = 3\n_",
    "from concurrent.futures import ThreadPoolExecutor\nlist(ThreadPoolExecutor(2).map(abs, [-1]))",
    "import logging, sys\nlogging.warning('x'); print('err', file=sys.stderr)",
    "open('notes.txt', 'w').write('x'); open('notes.txt').read()",
    "import functools\n@functools.lru_cache\ndef cached(n): return n\ncached(1)",
    "from IPython.display import HTML, Markdown\ndisplay(HTML('<b>x</b>'), Markdown('*x*'))",
    "from tqdm import tqdm\nfor _ in tqdm(range(3)): pass",
    "x: int = 3; np.random.seed(0); abs = abs; max_ = max",
]


def all_styles() -> Raw:
    """Twenty cells in other styles, a print under a test, and answers that are no plain functions."""
    notebook = first_cells(
        STYLES,
        {"double": "double = Helper()", "rows": "rows = lambda x: np.array([sum(r) for r in x])"},
    )
    find(notebook, "double_test")["source"] += "\nprint(double(3))\nunder_the_test = 3"
    find(notebook, "rows")["source"] += "\nassert under_the_test == 3"
    return notebook


def odd_files() -> dict[str, Case]:
    """Files from another Jupyter, and slips: the marks are for the work."""
    plain = filled("who")
    text = json.dumps(plain)
    umlaut = filled("who", first="# Größe")
    tests_gone: Any = filled("who")
    for name in ("double_test", "rows_test", "setup"):
        tests_gone["cells"].remove(find(tests_gone, name))
    changed = filled("who")
    find(changed, "rows_test")["source"] = "assert True  # I was here"
    imports = filled("imports", {"double": "def double(x):\n    return x * math.floor(2.5)"})
    find(imports, "setup")["source"] += "\nimport math"
    to_text = filled("who")
    find(to_text, "rows_test")["cell_type"] = "markdown"
    twice = filled("who")
    twice["cells"].append(find(twice, "double_test"))
    return {
        "format3": Case(_format_3(plain), (2, 3)),
        "format5": Case({**plain, "nbformat": 5}, (2, 3), "unknown notebook format 5"),
        "utf16": Case(text.encode("utf-16"), (2, 3), "UTF-16"),
        "latin1": Case(
            json.dumps(umlaut, ensure_ascii=False).encode("cp1252"), (2, 3), "Windows-1252"
        ),
        "stripped": Case(_without_metadata(plain), (2, 3)),
        "deleted": Case(tests_gone, (2, 3), "was deleted; the original was run"),
        "changed": Case(changed, (2, 3), "was changed; the original was run"),
        "imports": Case(imports, (2, 3), "has lines of the student's own"),
        "markdown": Case(to_text, (2, 3), "was changed; the original was run"),
        "twice": Case(twice, (2, 3), "there twice"),
    }


def _without_metadata(notebook: Raw) -> Raw:
    cells = [{**cell, "metadata": {}} for cell in notebook["cells"]]
    return {**notebook, "cells": cells, "metadata": {}}


def _format_3(notebook: Raw) -> Raw:
    cells = []
    for cell in notebook["cells"]:
        old = {**cell, "input": cell["source"].splitlines(keepends=True), "language": "python"}
        del old["source"]
        cells.append(old if cell["cell_type"] == "code" else cell)
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}

"""Honest submissions: other styles, other programs that wrote the file, and slips that cost nothing."""

import json
from typing import Any

from course_kit.grading.assignment import Assignment
from tests.course_kit.grading.hostile import Case
from tests.course_kit.grading.tiny_assignment import SEED, SETUP, Raw, filled, find, raw_cell

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


# Twice an array, `answer`, as people write it.
ANSWERS = [
    "def answer(x): return 2 * x",
    "answer = lambda x: x + x",
    "from functools import partial\nanswer = partial(np.multiply, 2)",
    "class Double:\n    def __call__(self, x): return x * 2\nanswer = Double()",
    "class Maths:\n    def twice(self, x): return x * 2\nanswer = Maths().twice",
    "class Still:\n    @staticmethod\n    def twice(x): return x * 2\nanswer = Still.twice",
    "def make(factor):\n    def inner(x): return factor * x\n    return inner\nanswer = make(2)",
    "answer = np.vectorize(lambda value: 2 * value)",
    "def answer(x): return [[2 * value for value in row] for row in x]",
    "def answer(x): return tuple(2 * row for row in x)",
    "def answer(x):\n    x = x.copy()\n    x *= 2\n    return x",
    "def answer(x, *, factor=2, **rest): return np.asfortranarray(factor * x)",
    "def answer(*arguments): return np.einsum('ij,->ij', arguments[0], 2.0)",
    "def answer(x): return np.ma.masked_array(2 * x)",
    "def answer(x: np.ndarray) -> np.ndarray:\n    print('at work')\n    return np.add(x, x)",
    "import warnings\ndef answer(x):\n    warnings.warn('slow')\n    return x / 0.5",
    "calls = 0\ndef answer(x):\n    global calls\n    calls += 1\n    return 2 * x",
    "import functools\n@functools.singledispatch\ndef answer(x): return 2 * x",
    "from contextlib import suppress\ndef answer(x):\n    with suppress(KeyError): {}[0]\n"
    "    return 2 * x",
    "def answer(x): return 2 * x if len(x) == 1 else np.vstack([answer(x[:1]), answer(x[1:])])",
    "def answer(x):\n    out = np.empty_like(x)\n    for k, v in np.ndenumerate(x): out[k] = 2 * v\n"
    "    return out",
    "def answer(x):\n    np.save('kept.npy', 2 * x)\n    return np.load('kept.npy', mmap_mode='r')",
    "def answer(x): return np.asmatrix(x) * 2",
    "def answer(x): return (2 * x).astype(object)",
    "def answer(x):\n    match x.ndim:\n        case 2: return (y := 2 * x)\n        case _: ...",
    "def decorated(f):\n    @functools.wraps(f)\n    def g(x): return 2 * f(x)\n    return g\n"
    "@decorated\ndef answer(x): return x",
]  # fmt: skip
TEST = """
assert np.allclose(answer{k}(data), 2 * data), "wrong"
### BEGIN HIDDEN TESTS
assert np.allclose(answer{k}(data[:2]), 2 * data[:2]), "wrong for two rows"
### END HIDDEN TESTS
"""


def many_answers() -> Assignment:
    """An assignment with a problem for each style."""
    cells = [raw_cell(SETUP, "setup", locked=True)]
    for k in range(len(ANSWERS)):
        cells.append(raw_cell("# here", f"own{k}", solution=True))
        cells.append(raw_cell(TEST.format(k=k), f"test{k}", grade=True, locked=True, points=1))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return Assignment("tiny", json.dumps(notebook))


def all_styles() -> Raw:
    """A cell of each style, a print and a name under each test, and an answer of each style."""
    notebook: Raw = json.loads(many_answers().for_student("who", SEED))
    for k, answer in enumerate(ANSWERS):
        find(notebook, f"own{k}")["source"] = answer.replace("answer", f"answer{k}")
        find(notebook, f"test{k}")["source"] += f"\nprint(answer{k}(data)); under{k} = 3"
    cells = [raw_cell(source) for source in STYLES]
    under = "assert " + " == ".join(f"under{k}" for k in range(len(ANSWERS)))
    notebook["cells"] = [notebook["cells"][0], *cells, *notebook["cells"][1:], raw_cell(under)]
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
        **{name: Case(notebook, (2, 3)) for name, notebook in _other_programs(plain).items()},
    }


def _other_programs(plain: Raw) -> dict[str, Raw | bytes]:
    """The same notebook as other programs save it."""
    text, cells = json.dumps(plain), plain["cells"]
    code = {"execution_count": "*", "outputs": [{"output_type": "stream", "text": "x" * 10**6}]}
    lines = [{**c, "source": c["source"].splitlines(keepends=True)} for c in cells]
    ids = [{k: v for k, v in cell.items() if k != "id"} for cell in cells]
    colab = {"metadata": {"colab": {"provenance": []}, "accelerator": "GPU"}, "nbformat_minor": 0}
    between = [
        part for c in cells for part in (c, {"cell_type": "raw", "metadata": {}, "source": "?"})
    ]
    windows = [{**c, "source": c["source"].replace("\n", "\r\n")} for c in cells]
    spaces = [{**c, "source": c["source"].replace("\n", "  \n") + "\n\n"} for c in cells]
    return {
        "bom": text.encode("utf-8-sig"),
        "utf16be": b"\xfe\xff" + text.encode("utf-16-be"),
        "indented": json.dumps(plain, indent=4).replace("\n", "\r\n").encode() + b"\r\n\r\n",
        "nan": text.replace('"metadata": {}', '"metadata": {"x": NaN}').encode(),
        "lines": {**plain, "cells": lines},
        "no_ids": {**plain, "cells": ids, "nbformat_minor": 2},
        "colab": {**plain, **colab},
        "no_metadata": {k: v for k, v in plain.items() if k != "metadata"},
        "raw_cells": {**plain, "cells": between},
        "windows": {**plain, "cells": windows},
        "spaces": {**plain, "cells": spaces},
        "run": {**plain, "cells": [{**c, **code} if c["cell_type"] == "code" else c for c in cells]},
        "attachments": {**plain, "cells": [{**c, "attachments": {"a.png": {}}} for c in cells]},
        "extra_keys": {**plain, "orig_nbformat": 4, "cells": [{**c, "vscode": {"x": 1}} for c in cells]},
        "no_title": {**plain, "cells": cells[1:]},
    }  # fmt: skip


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

"""The shape of the code: who may import whom, and how long a file or a function may grow.

Every rule is a function from source text to complaints, and every rule is shown to bite on a
planted bad source, because a check that cannot fail proves nothing.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST_FILE = 320
LONGEST_FUNCTION = 45
ALLOWED = {
    # llvmlite is numba's own compiler and always comes with it.
    "tucker_core": {"tucker_core", "numpy", "numba", "llvmlite", "constriction"},
    "torch_bridge": {"torch_bridge", "tucker_core", "torch", "numpy", "tqdm", "pooch"},
    "course_kit": {"course_kit", "tucker_core", "numpy", "matplotlib", "segno", "zxingcpp"},
    "ada_tucker": {"ada_tucker", "torch_bridge", "tucker_core", "torch", "numpy", "tqdm"},
}
# What only some need, or comes with an extra, is reached for when it is needed.
ALLOWED_INSIDE_FUNCTIONS = {
    "ada_tucker/": {"course_kit"},
    "torch_bridge/datasets/cifar": {"PIL"},
    "torch_bridge/datasets/folders": {"PIL"},
    "torch_bridge/datasets/svhn": {"scipy"},
    "course_kit/grading/assignment": {"nbformat"},
}
# What only grading needs: a submission runs in Jupyter's own kernel, and is watched from outside.
ALLOWED_IN_FILES = {
    "course_kit/sandbox/kernel_client": {"jupyter_client", "traitlets"},
    "course_kit/sandbox/runner": {"jupyter_client", "nbclient", "nbformat"},
    "course_kit/sandbox/watchdog": {"psutil"},
}
# torch_bridge, from the ground up: a room knows those below it, and none beside or above it.
FLOORS = (
    {"state", "models"},
    {"weights", "datasets"},
    {"quantization", "forward"},
    {"compression", "training"},
    {"benchmarks"},
)
LOOSE = {"__init__.py", "threads.py", "py.typed"}
FORBIDDEN_WORDS = {"torch_bridge": r"argparse|course_kit|(?<!torchrun )--[a-z]"}  # no flags either
FOREIGN_TO_CORE = ("torch", "matplotlib")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def label(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# Rules: source text and its path inside the repository -> complaints.


def foreign_imports(text: str, path: str) -> list[str]:
    """Imports that a file's package may not make."""
    package, stem = path.split("/")[0], path.removesuffix(".py")
    always = ALLOWED[package] | sys.stdlib_module_names | ALLOWED_IN_FILES.get(stem, set())
    rooms = [names for place, names in ALLOWED_INSIDE_FUNCTIONS.items() if stem.startswith(place)]
    late = always.union(*rooms)
    return [
        f"{path}:{line}: {package} may not import {name} here"
        for name, line, is_late in imports(ast.parse(text))
        if name not in (late if is_late else always)
    ]


def imports(tree: ast.AST, inside: bool = False) -> Iterator[tuple[str, int, bool]]:
    """Top-level names imported anywhere below a node, their lines, and whether in a function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], node.lineno, inside
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).split(".")[0], node.lineno, inside
        yield from imports(node, inside or isinstance(node, FunctionNode))


def wrong_arrows(text: str, path: str) -> list[str]:
    """Imports of a room of torch_bridge that lies beside or above the file's own."""
    package, room, *deeper = path.split("/")
    if package != "torch_bridge" or not deeper:
        return []
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    found = [
        (str(node.module).split(".")[1], node.lineno)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("torch_bridge.")
    ]
    return [
        f"{path}:{line}: {room} may not know {other}"
        for other, line in found
        if other != room and floor[other] >= floor[room]
    ]


def forbidden_words(text: str, path: str) -> list[str]:
    """Words that would show that a library knows of a program or of the course."""
    words = FORBIDDEN_WORDS.get(path.split("/")[0])
    found = re.findall(words, text) if words else ()
    return [f"{path}: {word} is none of its business" for word in found]


def prints(text: str, path: str) -> list[str]:
    """Calls of print."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return [
        f"{path}:{call.lineno}: a library does not print"
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "print"
    ]


def long_files(text: str, path: str) -> list[str]:
    """A file that holds more than one idea."""
    lines = len(text.splitlines())
    return [f"{path}: {lines} lines, at most {LONGEST_FILE}: split it"] * (lines > LONGEST_FILE)


def long_functions(text: str, path: str) -> list[str]:
    """Functions whose body, without the docstring, does not fit on a screen."""
    return [
        f"{path}:{node.lineno}: {node.name} has {length} lines, at most {LONGEST_FUNCTION}"
        for node in functions(text)
        if (length := body_length(node)) > LONGEST_FUNCTION
    ]


def undocumented(text: str, path: str) -> list[str]:
    """Public functions, methods and classes without a docstring; a public name is one at a time."""
    return [
        f"{path}:{node.lineno}: {node.name} has no docstring"
        for node in public_definitions(ast.parse(text))
        if not ast.get_docstring(node)
        if "overload" not in map(ast.unparse, node.decorator_list)  # the definition itself has it
    ]


def functions(text: str) -> Iterator[FunctionNode]:
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, FunctionNode))


def body_length(node: FunctionNode) -> int:
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def public_definitions(scope: ast.Module | ast.ClassDef) -> Iterator[FunctionNode | ast.ClassDef]:
    """Public classes and functions of a module, and the public methods of those classes."""
    for node in scope.body:
        if isinstance(node, FunctionNode | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node)


Rule = Callable[[str, str], list[str]]
ROOMS = tuple(ALLOWED)
CODE = (*ROOMS, "tools")
RULES: list[tuple[Rule, tuple[str, ...]]] = [
    (foreign_imports, ROOMS),
    (prints, ("tucker_core",)),
    (wrong_arrows, ("torch_bridge",)),
    (forbidden_words, ("torch_bridge",)),
    (long_files, CODE),
    (long_functions, CODE),
    (undocumented, CODE),
]
IDS = [rule.__name__ for rule, _ in RULES]


@pytest.mark.parametrize(("rule", "packages"), RULES, ids=IDS)
def test_the_code_keeps_the_rule(rule: Rule, packages: tuple[str, ...]) -> None:
    found = [fault for path in sources(*packages) for fault in rule(path.read_text(), label(path))]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("package", ROOMS)
def test_every_package_has_sources_and_says_that_it_is_typed(package: str) -> None:
    if not (ROOT / package).exists():
        pytest.skip(f"{package} is not there yet")
    assert sources(package), f"{package} has no sources: the rules above prove nothing about it"
    assert (ROOT / package / "py.typed").exists()


def test_torch_bridge_has_rooms_and_nothing_loose() -> None:
    there = {path.name for path in (ROOT / "torch_bridge").iterdir() if path.name != "__pycache__"}
    rooms = {name for names in FLOORS for name in names}
    assert there == rooms | LOOSE
    assert len(there) <= 12


LONG_BODY = "".join(f"    x{i} = {i}\n" for i in range(LONGEST_FUNCTION))


@pytest.mark.parametrize(
    ("rule", "path", "bad"),
    [
        (foreign_imports, "tucker_core/a.py", "import torch"),
        (foreign_imports, "tucker_core/a.py", "from torch.nn import Linear"),
        (foreign_imports, "tucker_core/a.py", "import torch_bridge.training.fit"),
        (foreign_imports, "tucker_core/a.py", "def f():\n    import matplotlib.pyplot"),
        (foreign_imports, "tucker_core/a.py", "if TYPE_CHECKING:\n    import torch"),
        (foreign_imports, "torch_bridge/training/fit.py", "def f():\n    import course_kit"),
        (foreign_imports, "ada_tucker/cli/main.py", "import course_kit"),
        (foreign_imports, "ada_tucker/cli/main.py", "def f():\n    import matplotlib"),
        (foreign_imports, "course_kit/plots.py", "from torch_bridge import fit"),
        (prints, "tucker_core/a.py", "def f():\n    print('x')"),
        (long_files, "tucker_core/a.py", "\n" * (LONGEST_FILE + 1)),
        (long_functions, "tucker_core/a.py", f"def f():\n{LONG_BODY}    return 0"),
        (undocumented, "tucker_core/a.py", "def f():\n    return 0"),
        (undocumented, "tucker_core/a.py", "class A:\n    '''A.'''\n    def f(self): ..."),
    ],
)
def test_the_rule_bites(rule: Rule, path: str, bad: str) -> None:
    assert len(rule(bad, path)) == 1


@pytest.mark.parametrize(
    ("rule", "path", "good"),
    [
        (foreign_imports, "tucker_core/a.py", "import math\nimport numpy as np\nfrom . import b"),
        (foreign_imports, "ada_tucker/cli/main.py", "def f():\n    from course_kit import plots"),
        (prints, "tucker_core/a.py", "'''>>> print(1)'''\nfootprint(1)"),
        (wrong_arrows, "torch_bridge/training/a.py", "from torch_bridge.weights.b import c"),
        (long_files, "tucker_core/a.py", "\n" * LONGEST_FILE),
        (long_functions, "tucker_core/a.py", f"def f():\n    '''One.\n\n    Two.'''\n{LONG_BODY}"),
        (undocumented, "tucker_core/a.py", "def _f(): ...\ndef g():\n    '''G.'''"),
    ],
)
def test_the_rule_lets_good_code_pass(rule: Rule, path: str, good: str) -> None:
    assert rule(good, path) == []


LOADED = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
print(*[name for name in sys.argv[2:] if name in sys.modules])
"""


def loaded_by(package: str, folder: Path) -> list[str]:
    """Foreign libraries that importing a package with all its modules brings in."""
    run = subprocess.run(
        [sys.executable, "-c", LOADED, package, *FOREIGN_TO_CORE],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


def test_tucker_core_loads_neither_torch_nor_matplotlib() -> None:
    if not (ROOT / "tucker_core").exists():
        pytest.skip("tucker_core is not there yet")
    assert loaded_by("tucker_core", ROOT) == []


@pytest.mark.parametrize("library", FOREIGN_TO_CORE)
def test_a_hidden_import_would_be_seen(library: str, tmp_path: Path) -> None:
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted" / "__init__.py").touch()
    (tmp_path / "planted" / "deep.py").write_text(f"__import__({library!r})\n")
    assert library in loaded_by("planted", tmp_path)

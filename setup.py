"""What pyproject.toml cannot say: a wheel and an sdist take files along that lie beside the packages.

They are copied into the package that looks for them (`tucker_core.shipped`), each under its own path.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = (
    "data/README.md",
    "data/mnist5k.npz",
    "data/records.json",
    "data/models/*.ada",  # the dense networks beside them would make the wheel six times as large
    "docs/img/lenet5_qr.png",
    "docs/img/playground.png",
    "notebooks/assignments/instructor/*.ipynb",
    "playground/index.html",
    "results/**/*.json",
)


class BuildWithFiles(build_py):  # type: ignore[misc]
    """Copies packages, and then the files."""

    def _files(self) -> dict[str, str]:
        """Each file and where it is copied to."""
        found = sorted(path for pattern in SHIPPED for path in Path().glob(pattern))
        home = Path(self.build_lib, "tucker_core", "_shipped")
        return {path.as_posix(): str(home / path) for path in found}

    def run(self) -> None:
        """Build; an editable install reads them where they are."""
        super().run()
        if not self.editable_mode:
            for source, target in self._files().items():
                self.mkpath(str(Path(target).parent))
                self.copy_file(source, target)

    def get_source_files(self) -> list[str]:
        """All that an sdist needs."""
        return [*super().get_source_files(), *self._files()]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """All that is made."""
        outputs: list[str] = super().get_outputs(include_bytecode)
        return outputs if self.editable_mode else [*outputs, *self._files().values()]


setup(cmdclass={"build_py": BuildWithFiles})

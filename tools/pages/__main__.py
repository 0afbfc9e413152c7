"""Write all pages that are made from results and docstrings: `python -m tools.pages [--check]`.

These are the numbers of README.md, docs/benchmarks.md with its pictures, and docs/api.md. One alone:
`python -m tools.pages.readme`, `.benchmarks`, `.api`; the pictures of README that show no result:
`.figures`.
"""

import subprocess
import sys

PAGES = ("readme", "benchmarks", "api")


def main(arguments: list[str]) -> int:
    """Write, or with --check only compare, every page; returns the first exit code that is not 0."""
    codes = [
        subprocess.run([sys.executable, "-m", f"tools.pages.{page}", *arguments]).returncode
        for page in PAGES
    ]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

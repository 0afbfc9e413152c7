"""Write all pages that are made from results and docstrings: `python -m tools.pages [--check]`.

These are the numbers of README.md, docs/benchmarks.md with its pictures, and docs/api.md. One alone:
`python -m tools.pages.readme`, `.benchmarks`, `.api`; the pictures of README that show no result:
`.figures`.
"""

import sys

from tools.parts import run_parts

PAGES = ("readme", "benchmarks", "api")


if __name__ == "__main__":
    sys.exit(run_parts("tools.pages", PAGES, sys.argv[1:]))

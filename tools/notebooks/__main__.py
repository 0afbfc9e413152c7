"""Build the notebooks from their sources, and prove that what is committed is what the code gives.

Each ``notebooks/NN_name.ipynb`` is built from ``notebooks/src/NN_name.py`` (percent format),
executed, and committed with its outputs, so that it can be read where nothing runs.

    python -m tools.notebooks build      execute and write every notebook that is out of date
    python -m tools.notebooks check      is each one built from its source, run top to bottom?
    python -m tools.notebooks smoke      run each source with small budgets, write nothing
    python -m tools.notebooks compare    run each source again, compare with the committed outputs

`check` needs no kernel and takes milliseconds; only `compare` notices that tucker_core now gives
other numbers. A cell tagged ``nondeterministic`` (a timing, say) is not compared, a cell tagged
``setup`` is written by this tool, and ``alt="..."`` describes a cell's picture in words.
"""

import sys

from tools.notebooks.commands import main

if __name__ == "__main__":
    sys.exit(main(summary=__doc__))

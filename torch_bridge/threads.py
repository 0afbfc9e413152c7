"""How torch's threads keep out of other programs' way.

They keep spinning for a while after each task, and take the processor from whatever else runs. A short
spin is enough.

This module is imported before torch, because torch's OpenMP runtime reads its settings as it loads.
"""

import os

os.environ.setdefault("GOMP_SPINCOUNT", "1000")

"""How torch's threads keep out of other programs' way.

They keep spinning for a while after each task. With another program on the machine, torch's default
spinning made a dense step of LeNet-5 12 times slower on two cores (485 ms instead of 40), a short spin
2.4 times (95 ms), at no cost when alone.

This module is imported before torch, because torch's OpenMP runtime reads its settings as it loads.
"""

import os

os.environ.setdefault("GOMP_SPINCOUNT", "1000")

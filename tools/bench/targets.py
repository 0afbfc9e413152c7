"""How many times faster than the best peer each operation must be (floor) and should be (aim), float32.

In float64 60 % of it, except where both are given.
"""

from typing import NamedTuple

FLOAT64_SHARE = 0.6


class Target(NamedTuple):
    """Ratios best peer's time / ours."""

    floor: float
    aim: float


SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "8^3 r3": ((8,) * 3, (3,) * 3),
    "16^4 r4": ((16,) * 4, (4,) * 4),
    "conv2 50x20x5x5 r(8,8,3,3)": ((50, 20, 5, 5), (8, 8, 3, 3)),
    "fc1 20x20x25x40 r5": ((20, 20, 25, 40), (5,) * 4),
    "fc1 20x20x25x40 r10": ((20, 20, 25, 40), (10,) * 4),
    "80x50x100 r10": ((80, 50, 100), (10,) * 3),
    "100^3 r3": ((100,) * 3, (3,) * 3),
    "64^4 r8": ((64,) * 4, (8,) * 4),
    "256^3 r16": ((256,) * 3, (16,) * 3),
    "9216x4096 as 192x192x1024 r64": ((192, 192, 1024), (64,) * 3),
}

PRODUCT = {
    "8^3 r3": Target(20, 34),
    "16^4 r4": Target(6, 10),
    "conv2 50x20x5x5 r(8,8,3,3)": Target(6, 12),
    "fc1 20x20x25x40 r5": Target(2.2, 3),
    "fc1 20x20x25x40 r10": Target(1.5, 2),
    "80x50x100 r10": Target(1.9, 2.3),
}
PRODUCT_WITH_OUT = {
    "100^3 r3": Target(3, 5),
    "64^4 r8": Target(2.3, 3),
    "256^3 r16": Target(1.2, 1.5),
    "9216x4096 as 192x192x1024 r64": Target(1.1, 1.4),
}
GRADIENT = {
    "8^3 r3": Target(50, 85),
    "16^4 r4": Target(10, 17),
    "conv2 50x20x5x5 r(8,8,3,3)": Target(12, 20),
    "fc1 20x20x25x40 r5": Target(7, 10),
    "fc1 20x20x25x40 r10": Target(4.5, 7),
    "80x50x100 r10": Target(4, 5),
}
MODE_DOT = ["fc1 20x20x25x40 r10", "80x50x100 r10", "256^3 r16"]
FIRST_MODE, OTHER_MODE = Target(1.0, 2), Target(1.7, 3)
ST_HOSVD = ["fc1 20x20x25x40 r10", "80x50x100 r10", "64^4 r8"]
ST_HOSVD_TARGETS = {"float32": Target(3.5, 8), "float64": Target(1.8, 4)}
HOOI = {"fc1 20x20x25x40 r10": Target(2.5, 8), "80x50x100 r10": Target(2.5, 8)}
HOSVD = {
    "fc1 20x20x25x40 r10": Target(10, 20),
    "80x50x100 r10": Target(10, 20),
    "256^3 r16": Target(50, 90),
}
FACTORIZATIONS, CORE_SHAPES = Target(30, 100), Target(1000, 4000)

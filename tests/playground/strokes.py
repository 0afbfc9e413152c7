"""Digits as a hand would draw them: strokes of points (x, y), the pad's side being 1."""

import math

Stroke = list[tuple[float, float]]


def arc(x: float, y: float, wide: float, high: float, start: float, end: float) -> Stroke:
    """Part of an ellipse around (x, y); angles in degrees, clockwise from the right."""
    steps = [math.radians(start + (end - start) * k / 16) for k in range(17)]
    return [(x + wide * math.cos(turn), y + high * math.sin(turn)) for turn in steps]


DIGITS: dict[int, list[Stroke]] = {
    0: [arc(0.5, 0.5, 0.19, 0.3, -90, 275)],
    1: [[(0.5, 0.2), (0.49, 0.5), (0.48, 0.8)]],
    2: [[*arc(0.5, 0.35, 0.17, 0.15, -170, 30), (0.35, 0.78), (0.7, 0.77)]],
    3: [arc(0.47, 0.35, 0.17, 0.15, -150, 80) + arc(0.47, 0.64, 0.19, 0.16, -80, 150)],
    4: [[(0.36, 0.2), (0.33, 0.52), (0.66, 0.5)], [(0.63, 0.2), (0.61, 0.82)]],
    5: [[(0.66, 0.22), (0.4, 0.23), (0.38, 0.46), *arc(0.48, 0.61, 0.17, 0.18, -110, 140)]],
    6: [[(0.6, 0.18), (0.45, 0.35), (0.37, 0.6), *arc(0.5, 0.66, 0.14, 0.14, 180, -170)]],
    7: [[(0.32, 0.25), (0.68, 0.24), (0.55, 0.5), (0.47, 0.8)]],
    8: [arc(0.5, 0.36, 0.13, 0.14, 90, -250) + arc(0.5, 0.65, 0.15, 0.15, -90, 260)],
    9: [[*arc(0.49, 0.37, 0.15, 0.15, 0, -340), (0.64, 0.4), (0.6, 0.6), (0.55, 0.82)]],
}

"""Pictures of the course, readable in black and white, drawn on axes that the caller gives.

No function touches pyplot's global state, so pictures can be made without a screen.
"""

from course_kit.plots.bars import layer_bars
from course_kit.plots.byte_map import byte_map
from course_kit.plots.cells import matrix_cells, tensor_cells, unfolding_cells
from course_kit.plots.curves import (
    error_against_size,
    predicted_against_measured,
    spectra,
    training_curves,
)
from course_kit.plots.diagram import box, tucker_diagram
from course_kit.plots.digits import demo_figure, digit, pick_digits, to_scale
from course_kit.plots.intervals import coding_intervals
from course_kit.plots.style import (
    DARK,
    LIGHT,
    MIDDLE,
    plain_log_ticks,
    save_figure,
    series_style,
    tidy,
)

__all__ = [
    "DARK",
    "LIGHT",
    "MIDDLE",
    "box",
    "byte_map",
    "coding_intervals",
    "demo_figure",
    "digit",
    "error_against_size",
    "layer_bars",
    "matrix_cells",
    "pick_digits",
    "plain_log_ticks",
    "predicted_against_measured",
    "save_figure",
    "series_style",
    "spectra",
    "tensor_cells",
    "tidy",
    "to_scale",
    "training_curves",
    "tucker_diagram",
    "unfolding_cells",
]

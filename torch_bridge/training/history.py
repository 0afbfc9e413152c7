"""What happened in each epoch, as a table that is written anew after every one: CSV and JSON.

It is part of the checkpoint, so that a run that was broken off and went on leaves one table without
gaps or repeats.
"""

import csv
import io
import json
from pathlib import Path

import torch
from torch import Tensor

from tucker_core.files import replacing

COLUMNS = ("epoch", "lr", "loss", "val_error", "kilobits", "seconds")


class History:
    """One row an epoch.

    That is its number, learning rate at its end, mean loss, validation error in percent, expected size
    of the integers in kilobits, and seconds.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[float, ...]] = []

    def add(self, *row: float) -> None:
        """Add the row of an epoch, in the order of `COLUMNS`."""
        self.rows.append(tuple(float(value) for value in row))

    def table(self) -> list[dict[str, float]]:
        """The rows by column name."""
        return [dict(zip(COLUMNS, row, strict=True)) for row in self.rows]

    def write(self, path: Path) -> None:
        """Write a .csv and a .json beside a checkpoint, each through a temporary file."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.table())
        for suffix, content in ((".csv", text.getvalue()), (".json", json.dumps(self.table()))):
            with replacing(path.with_suffix(suffix)) as temporary:
                temporary.write_text(content, encoding="utf-8")

    def state(self) -> Tensor:
        """All rows, (epochs, columns)."""
        return torch.tensor(self.rows, dtype=torch.float64).reshape(-1, len(COLUMNS))

    def restore(self, state: Tensor) -> None:
        """Take the rows of a checkpoint."""
        self.rows = [tuple(row) for row in state.tolist()]

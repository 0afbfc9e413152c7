"""Progress on standard error: a bar on a terminal, one line a stage in a log."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from tucker_core.timing import Stopwatch


def hidden(shown: bool) -> bool | None:
    """What tqdm's `disable` shall be, so that a wanted bar moves on terminals alone.

    Examples
    --------
    >>> hidden(False), hidden(True)
    (True, None)
    """
    return None if shown else True


@contextmanager
def progress_bar(
    title: str, total: int, unit: str, *, shown: bool, done: int = 0
) -> Iterator["tqdm[Any]"]:
    """Give a bar for one stage; where that cannot move, one line is left when the stage is over.

    Parameters
    ----------
    title : of the stage
    total, unit : how many steps it has, and what they are
    shown : whether anything is shown at all
    done : steps that were taken before
    """
    watch = Stopwatch()
    options: dict[str, Any] = {"desc": title, "unit": unit, "smoothing": 0.05}
    with tqdm(total=total, initial=done, disable=hidden(shown), **options) as bar:
        yield bar
    if shown and bar.disable and done < total:
        said = getattr(bar, "postfix", None)
        took = f"{total - done:,} {unit}s, {watch.seconds:.0f} s"
        print(f"{title}: {took}{f', {said}' if said else ''}", file=sys.stderr)

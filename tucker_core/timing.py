"""Fair times: everybody in turn, again and again; and a stopwatch for what is done once."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Job = Callable[[], object]
SHORTEST = 2e-3  # seconds: quick jobs are repeated within one turn until they fill this


@dataclass
class Stopwatch:
    """Times since it was made.

    Examples
    --------
    >>> watch = Stopwatch()
    >>> 0 <= watch.seconds < 60
    True
    """

    _clock: float = field(default_factory=time.perf_counter)
    _cpu: float = field(default_factory=time.process_time)

    @property
    def seconds(self) -> float:
        """By the clock on the wall."""
        return time.perf_counter() - self._clock

    @property
    def cpu_seconds(self) -> float:
        """Of the processor's time in all threads, which does not count what other programs take."""
        return time.process_time() - self._cpu


def interleaved(
    jobs: Mapping[str, Job],
    seconds: float,
    turns: int = 3,
    *,
    clock: Callable[[], float] = time.process_time,
    of: Callable[[Sequence[float]], float] = statistics.median,
) -> dict[str, float]:
    """Seconds per call of each job, all jobs taking turns, so that what disturbs one disturbs all.

    Parameters
    ----------
    jobs : by name
    seconds : how long; a job that takes longer than all of them gets one turn beside the call that
        warms it up
    turns : that there are at least
    clock : by default processor time, which does not count what other programs take
    of : what is made of a job's times

    Examples
    --------
    >>> sorted(interleaved({"a": lambda: None, "b": lambda: None}, 0.001))
    ['a', 'b']
    """
    once = {name: _once(job, clock) for name, job in jobs.items()}
    repeats = {name: max(1, int(SHORTEST / max(took, 1e-7))) for name, took in once.items()}
    slow = {name: took for name, took in once.items() if took > max(seconds, 1)}
    times: dict[str, list[float]] = {name: [slow[name]] if name in slow else [] for name in jobs}
    watch, turn = Stopwatch(), 0
    while turn < turns or watch.seconds < seconds:
        for name, job in jobs.items():
            if name not in slow:
                started = clock()
                for _ in range(repeats[name]):
                    job()
                times[name].append((clock() - started) / repeats[name])
        turn += 1
    return {name: of(values) for name, values in times.items()}


def _once(job: Job, clock: Callable[[], float]) -> float:
    """Time of the second call: the first may compile, allocate and fill caches."""
    job()
    started = clock()
    job()
    return clock() - started

"""Fair times: everybody in turn, again and again, and the median of each."""

import statistics
import time
from collections.abc import Callable

Job = Callable[[], object]
SHORTEST = 2e-3  # seconds: quick jobs are repeated within one turn until they fill this


def interleaved(jobs: dict[str, Job], seconds: float, turns: int = 3) -> dict[str, float]:
    """Median of each job in seconds of processor time per call.

    All jobs take turns, so whatever else the machine does hits all alike; and processor time does not
    count what other programs take. At least so many turns, and more while the seconds last; a job
    that takes longer than all the seconds gets one turn beside the call that warms it up.
    """
    once = {name: _once(job) for name, job in jobs.items()}
    repeats = {name: max(1, int(SHORTEST / max(took, 1e-7))) for name, took in once.items()}
    slow = {name: took for name, took in once.items() if took > max(seconds, 1)}
    times: dict[str, list[float]] = {name: [slow[name]] if name in slow else [] for name in jobs}
    end, turn = time.perf_counter() + seconds, 0
    while turn < turns or time.perf_counter() < end:
        for name, job in jobs.items():
            if name not in slow:
                started = time.process_time()
                for _ in range(repeats[name]):
                    job()
                times[name].append((time.process_time() - started) / repeats[name])
        turn += 1
    return {name: statistics.median(values) for name, values in times.items()}


def _once(job: Job) -> float:
    """Time of the second call: the first may compile, allocate and fill caches."""
    job()
    started = time.process_time()
    job()
    return time.process_time() - started

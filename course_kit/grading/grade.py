"""Grading a folder of submissions: each in a process of its own, whatever comes of it."""

import functools
import hashlib
import multiprocessing
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from course_kit.grading.assignment import INSTRUCTOR, Assignment
from course_kit.grading.course import Course
from course_kit.grading.judge import Job, judge
from course_kit.grading.results import (
    GRADED,
    MISSING,
    NOT_GRADED,
    VERSION,
    Result,
    changes,
    empty_result,
    read_result,
    write_result,
)
from course_kit.grading.text import shown
from course_kit.notebook.paths import DATA
from course_kit.sandbox.isolation import Isolation, choose
from course_kit.sandbox.limits import PACKAGES, Limits
from course_kit.sandbox.watchdog import adopt_orphans, end_all
from tucker_core.shipped import ROOT

SPARE_SECONDS = 180.0  # for starting and ending a judge on a busy machine, beyond its own limit
# Solutions, the networks that assignment 4 is about, and what others found.
NEVER_SHOWN = (INSTRUCTOR, DATA / "models", ROOT / "results")
MARKING_CODE = (
    "course_kit/checks",
    "course_kit/grading",
    "course_kit/sandbox",
    "course_kit/notebook",
    "tucker_core",
)
# Compiled kernels take longer to load, in each judge anew, than a test's small tensors take without them.
NO_JIT = "NUMBA_DISABLE_JIT"
PRELOADED = [
    "course_kit.grading.grade",
    "course_kit.checks",
    "matplotlib.pyplot",
    "nbformat",
    "numba",
]

Progress = Callable[[Result], None]

_START = threading.Lock()


def grade_folder(
    assignment: Assignment,
    course: Course,
    submissions: Path,
    out: Path,
    *,
    limits: Limits | None = None,
    isolation: Isolation | None = None,
    jobs: int | None = None,
    again: bool = False,
    progress: Progress = lambda result: None,
) -> list[Result]:
    """Grade what `collect` filed; results go to ``out/results/STUDENT.json`` as they come.

    A submission that was graded before, with the same notebooks, checks and limits, is not graded again.

    Parameters
    ----------
    assignment, course : what was handed out, and to whom
    submissions : folder with ``STUDENT/ASSIGNMENT/*.ipynb``
    out : folder for the results
    limits : of one submission
    isolation : how submissions are kept apart (default: the best there is)
    jobs : submissions graded at once (default: one for each processor)
    again : grade everything anew
    progress : called with each result

    Returns
    -------
    One result for each student of the course, in the order of their ids.
    """
    limits = limits or Limits()
    isolation = isolation or choose(hidden=(*NEVER_SHOWN, submissions, out))
    stop = threading.Event()
    results: dict[str, Result] = {}

    def one(student: str) -> Result:
        path = find_submission(submissions, student, assignment.name)
        old = read_result(result_file(out, student))
        if path is None:
            return empty_result(assignment, course, student, MISSING, "nothing was handed in")
        content = path.read_bytes()
        mark = _fingerprint(content, assignment, course, limits)
        if old is not None and old.get("fingerprint") == mark and not again:
            return {**old, "changed": []}
        job = Job(assignment, course, student, content, limits, isolation, secrets.token_hex(8))
        result = in_a_process(job, stop)
        result["changed"] = changes(old, result)
        return {**result, "fingerprint": mark} if result["status"] == GRADED else result

    with ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        waiting = {pool.submit(one, student): student for student in course.students}
        try:
            for student, future in _as_done(waiting):
                results[student] = _result_of(future, assignment, course, student)
                write_result(result_file(out, student), results[student])
                progress(results[student])
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [results[student] for student in sorted(results)]


def in_a_process(job: Job, stop: threading.Event) -> Result:
    """Grade one submission in a process that is ended when it takes too long, with all it started.

    Parameters
    ----------
    job : the submission
    stop : set from outside to end everything now
    """
    # Its folder is ours, to be removed even where it is ended.
    with TemporaryDirectory(prefix="ada-judge-", ignore_cleanup_errors=True) as folder:
        return _in_a_process(job, stop, folder)


def _in_a_process(job: Job, stop: threading.Event, folder: str) -> Result:
    context = _context()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, job, folder), daemon=True)
    process.start()
    theirs.close()
    end = time.monotonic() + job.limits.notebook_seconds + SPARE_SECONDS
    try:
        while not ours.poll(0.5):
            if stop.is_set() or time.monotonic() > end:
                reason = (
                    "grading was interrupted" if stop.is_set() else "no end in all the time it has"
                )
                return empty_result(job.assignment, job.course, job.student, NOT_GRADED, reason)
        result: Result = ours.recv()
        return result
    except EOFError:
        process.join(5)
        reason = f"the process that judged it ended with code {process.exitcode}"
        return empty_result(job.assignment, job.course, job.student, NOT_GRADED, reason)
    finally:
        ours.close()
        if process.pid is not None and process.is_alive():
            process.join(0.5)
            if process.is_alive():
                end_all(process.pid, ())
        process.join(10)


def find_submission(folder: Path, student: str, assignment: str) -> Path | None:
    """The notebook that `collect` (or nbgrader) filed for a student; of several the newest."""
    found = [path for path in (folder / student / assignment).glob("*.ipynb") if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def result_file(out: Path, student: str) -> Path:
    """Where the result of a student is kept."""
    return out / "results" / f"{student}.json"


def _context() -> Any:
    """Processes that start at once, where the system can have a parent with everything loaded."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing.forkserver import ensure_running  # not on Windows

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with _START:
        before = os.environ.get(NO_JIT)
        os.environ[NO_JIT] = "1"
        try:
            ensure_running()
        finally:
            del os.environ[NO_JIT]
            os.environ.update({} if before is None else {NO_JIT: before})
    return context


def _work(answers: Connection, job: Job, folder: str) -> None:
    """The process of one judge."""
    adopt_orphans()
    os.chdir(folder)
    with open(os.devnull, "w", encoding="utf-8") as nothing:
        sys.stdout = sys.stderr = nothing  # a test's warnings, say; its prints are kept apart
        try:
            result = judge(job)
        except Exception as error:
            reason = f"grading failed with {type(error).__name__}: {shown(error)[:500]}"
            result = empty_result(job.assignment, job.course, job.student, NOT_GRADED, reason)
        with suppress(BrokenPipeError):
            answers.send(result)


def _as_done(waiting: Mapping[Future[Result], str]) -> Iterator[tuple[str, Future[Result]]]:
    left = set(waiting)
    while left:
        done, left = wait(left, timeout=1.0, return_when=FIRST_COMPLETED)  # lets Ctrl-C in
        for future in done:
            yield waiting[future], future


def _result_of(
    future: Future[Result], assignment: Assignment, course: Course, student: str
) -> Result:
    """A result even where grading itself failed: one submission must not end the run for all."""
    try:
        return future.result()
    except Exception as error:
        reason = f"grading failed with {type(error).__name__}: {shown(error)[:500]}"
        return empty_result(assignment, course, student, NOT_GRADED, reason)


def _fingerprint(content: bytes, assignment: Assignment, course: Course, limits: Limits) -> str:
    digest = hashlib.sha256(content)
    digest.update(f"{assignment.digest} {course.course_seed} {limits} {VERSION}".encode())
    digest.update(_code_digest().encode())
    return digest.hexdigest()


@functools.cache
def _code_digest() -> str:
    """Of all code that marks hang on: a check that was mended marks everybody anew."""
    digest = hashlib.sha256()
    for folder in MARKING_CODE:
        for path in sorted((PACKAGES / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()

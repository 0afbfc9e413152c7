"""How long a class takes to grade, and how much memory: `python -m tools.bench.grading`.

A class of assignment 1, students with right, half answered and untouched notebooks, graded by
`ada-tucker course grade`. Other work on the machine lengthens the time, not so much the processor time.
"""

import argparse
import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from course_kit.grading.assignment import Assignment, load_assignment
from course_kit.grading.course import Course
from course_kit.grading.results import GRADED, read_results, total
from course_kit.sandbox.isolation import choose
from torch_bridge.benchmarks.results import write_result
from tucker_core import format_table

ROOT = Path(__file__).resolve().parents[2]
SEED, POLL_SECONDS = 7, 0.2


class Usage:
    """Memory and processor time of a process with all that it starts, as far as it is looked at.

    Attributes
    ----------
    peak : bytes of memory at once, what processes share counted once
    cpu : seconds of processor time of each process
    """

    def __init__(self, pid: int) -> None:
        self.root = psutil.Process(pid)
        self.peak = 0
        self.cpu: dict[psutil.Process, float] = {}

    def look(self) -> None:
        """Add what is to be seen now; what a process does after the last look is missed."""
        memory = 0
        with suppress(psutil.Error):
            for process in (self.root, *self.root.children(recursive=True)):
                with suppress(psutil.Error):
                    self.cpu[process] = sum(process.cpu_times()[:2])
                    memory += process.memory_full_info().pss
        self.peak = max(self.peak, memory)


def submission(assignment: Assignment, student: str, answered: float) -> str:
    """A notebook with the first answers from the solution, the others as they were handed out."""
    notebook = json.loads(assignment.for_student(student, SEED))
    solutions = {cell.grade_id: cell.source for cell in assignment.cells}
    mine = [c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("solution")]
    for cell in mine[: round(answered * len(mine))]:
        cell["source"] = solutions[cell["metadata"]["nbgrader"]["grade_id"]]
    return json.dumps(notebook)


def measure(name: str, n_students: int, jobs: int) -> dict[str, float]:
    """Grade a class; seconds, seconds of processor time, MB, and the points earned in all."""
    assignment = load_assignment(name)
    students = [f"student{number:03}" for number in range(n_students)]
    with TemporaryDirectory() as kept:
        folder = Path(kept)
        for number, student in enumerate(students):
            path = folder / student / assignment.name / f"{assignment.name}.ipynb"
            path.parent.mkdir(parents=True)
            path.write_text(submission(assignment, student, (1.0, 1.0, 0.5, 0.0)[number % 4]))
        Course(assignment.name, SEED, dict.fromkeys(students, "")).save(folder)
        command = [sys.executable, "-m", "ada_tucker", "course", "grade", assignment.name]
        options = ["--submissions", kept, "--out", f"{kept}/marks", "--jobs", str(jobs), "--quiet"]
        started = time.monotonic()
        with subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.DEVNULL) as grader:
            usage = Usage(grader.pid)
            while grader.poll() is None:
                usage.look()
                time.sleep(POLL_SECONDS)
        seconds = time.monotonic() - started
        results = read_results(folder / "marks" / assignment.name)
    return {
        "seconds": round(seconds, 1),
        "processor seconds": round(sum(usage.cpu.values()), 1),
        "peak MB": round(usage.peak / 2**20),
        "points": sum(map(total, results)),
        "graded": sum(result["status"] == GRADED for result in results),
    }


def main() -> int:
    """Measure, print, and write results/bench_grading.json."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--assignment", default="a1")
    options.add_argument("--students", type=int, default=100)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--out", type=Path, default=ROOT / "results" / "bench_grading.json")
    chosen = options.parse_args()
    load = psutil.getloadavg()[0]
    found = measure(chosen.assignment, chosen.students, chosen.jobs)
    print(format_table([tuple(found), tuple(f"{value:g}" for value in found.values())]))
    content = {
        "command": f"python -m tools.bench.grading --students {chosen.students}",
        "assignment": chosen.assignment,
        "students": chosen.students, "jobs": chosen.jobs, "isolation": choose().kind,
        "load before": round(load, 2), "measured": found,
    }  # fmt: skip
    write_result(chosen.out, content)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Who takes part in what: the small file that goes with what is handed out and comes back."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tucker_core.files import write_json


@dataclass(frozen=True)
class Course:
    """One assignment handed out to one class.

    Attributes
    ----------
    assignment : short name
    course_seed : of everyone's variant
    students : id -> name, "" where unknown
    digest : of the instructor's notebook that was handed out, "" where unknown
    """

    assignment: str
    course_seed: int
    students: dict[str, str]
    digest: str = ""

    def save(self, folder: Path) -> None:
        """Write it to a folder, where `collect` and `grade` look for it."""
        write_json(course_file(folder, self.assignment), asdict(self))


def course_file(folder: Path, assignment: str) -> Path:
    """Where a folder keeps its class list and seed."""
    return folder / f"course_{assignment}.json"


def load_course(folder: Path, assignment: str) -> Course:
    """Read what `release` or `collect` wrote to a folder.

    Raises
    ------
    ValueError
        If it is not there, or not what they write.
    """
    path = course_file(folder, assignment)
    if not path.exists():
        raise ValueError(
            f"{path} does not exist: is {folder} the folder that the step before wrote to?"
        )
    try:
        course = Course(**json.loads(path.read_text(encoding="utf-8")))
        int(course.course_seed), dict(course.students)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}): run the step before again") from None
    return course

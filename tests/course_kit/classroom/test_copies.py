"""Hints of copying: said where programs are the same but for names, and not where all write them so."""

from course_kit.classroom.copies import hints, normalised
from course_kit.grading.results import Result, empty_result
from tests.course_kit.grading.tiny_assignment import tiny_assignment, tiny_course

LONG = """
def rows(x):
    '''Sums.'''
    found = []
    for row in x:
        total = 0
        for number in row:
            total = total + number
        found.append(total)
    if len(found) != len(x) or x.ndim != 2:
        raise ValueError(x.shape[0], len(found))
    return np.array(found).reshape(len(x)).astype(float)
"""
RENAMED = LONG.replace("found", "answer").replace("number", "n").replace("Sums.", "My own!")
OTHER = LONG.replace("total = total + number", "total = total - -number")


def results(*sources: str) -> list[Result]:
    names = [f"s{k}" for k in range(len(sources))]
    course = tiny_course(names)
    found = [empty_result(tiny_assignment(), course, name, "graded") for name in names]
    for result, source in zip(found, sources, strict=True):
        result["cells"] = [{"name": "rows", "source": source}, {"name": "cell 9", "source": LONG}]
    return found


def test_the_same_but_for_names_is_a_hint_for_both() -> None:
    found = hints(results(LONG, OTHER, RENAMED, "def rows(x): return x.sum(1)"), tiny_assignment())
    assert found == {
        "s0": ["hint: rows is, but for names, that of s2"],
        "s2": ["hint: rows is, but for names, that of s0"],
    }


def test_what_many_write_and_what_is_short_is_no_hint() -> None:
    assert hints(results(*[LONG] * 5), tiny_assignment()) == {}
    assert hints(results(*["def rows(x): return x.sum(1)"] * 2), tiny_assignment()) == {}


def test_the_instructors_solution_is_known_by_any_names() -> None:
    tiny = tiny_assignment()
    longer = type(tiny)("tiny", tiny.content.replace("return x.sum(axis=1)", _inside(LONG)))
    found = hints(results(RENAMED, OTHER), longer)
    assert found == {"s0": ["hint: rows is, but for names, the instructor's solution"]}


def _inside(source: str) -> str:
    import json

    body = "\n".join(source.strip().splitlines()[2:]).strip()
    return json.dumps(body)[1:-1]


def test_what_is_no_program_has_no_fingerprint() -> None:
    assert normalised("def f(:") == normalised("") == normalised("(" * 5_000) == ""
    assert normalised("x = '\udfff'" + "\ny = 1" * 80) == normalised(
        "x = '\ud800'" + "\ny = 1" * 80
    )

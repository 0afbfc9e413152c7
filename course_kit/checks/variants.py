"""Every student's own numbers: shapes, data and seeds drawn from a name and the seed of a course.

The draw goes through SHA-256, so it is the same on every machine, and two students' numbers have
nothing to do with each other. Checks draw the same numbers again and compute the truth from them:
an answer copied from a neighbour is wrong.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

PRACTICE = "practice"  # the student where nobody said who it is
STUDENT_VARIABLE, SEED_VARIABLE = "ADA_STUDENT", "ADA_COURSE_SEED"
DRAW_VARIABLE = "ADA_HIDDEN_DRAW"  # set by whoever grades: nobody can know hidden tests beforehand

Tensor = npt.NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Variant:
    """One student's numbers in one course; the same problem always draws the same.

    Attributes
    ----------
    student_id : whom the course knows by this name
    course_seed : another seed, other numbers for all
    """

    student_id: str
    course_seed: int

    @property
    def label(self) -> str:
        """Six hexadecimal digits that tell variants apart at a glance."""
        return self._digest("label").hex()[:6]

    def __str__(self) -> str:
        """Who this is, for the first cell of a notebook."""
        return f"variant {self.label} of student {self.student_id!r}"

    def rng(self, problem: str, *, anew: bool = False) -> np.random.Generator:
        """Give a generator of random numbers for one problem, always in the same state.

        Parameters
        ----------
        problem : a name
        anew : for a hidden test: another state whenever $ADA_HIDDEN_DRAW is another

        Examples
        --------
        >>> anna = variant("anna", 0)
        >>> bool(anna.rng("a1").random() == anna.rng("a1").random())
        True
        """
        draw = os.environ.get(DRAW_VARIABLE, "") if anew else ""
        entropy = int.from_bytes(self._digest(f"problem {problem}{draw}"), "big")
        return np.random.default_rng(np.random.SeedSequence(entropy))

    def number(self, problem: str, least: int, most: int) -> int:
        """Draw an integer from `least` to `most`, both included."""
        return int(self.rng(problem).integers(least, most + 1))

    def pick(self, problem: str, options: Sequence[T]) -> T:
        """Draw one of several options."""
        return options[self.number(problem, 0, len(options) - 1)]

    def shape(self, problem: str, order: int, least: int = 2, most: int = 7) -> tuple[int, ...]:
        """Draw a shape (I_1, ..., I_N) of different dimensions, so that no two modes are mistaken.

        Raises
        ------
        ValueError
            If there are fewer dimensions to choose from than modes.

        Examples
        --------
        >>> len(set(variant("anna", 0).shape("a1", 4)))
        4
        """
        return draw_shape(self.rng(problem), order, least, most)

    def tensor(self, problem: str, shape: Sequence[int]) -> Tensor:
        """Draw a tensor of standard normal numbers."""
        return self.rng(problem).standard_normal(tuple(shape))

    def fading_tensor(self, problem: str, shape: Sequence[int]) -> Tensor:
        """Draw a tensor whose singular values fall geometrically, faster in some modes than others."""
        return draw_fading_tensor(self.rng(problem), shape)

    def _digest(self, purpose: str) -> bytes:
        # Zeros between the parts: ("a", "bc") and ("ab", "c") must not be the same.
        text = "\0".join(("ada-tucker", str(self.course_seed), self.student_id, purpose))
        return hashlib.sha256(text.encode()).digest()


def variant(student_id: str, course_seed: int) -> Variant:
    """Find the variant of a student in a course.

    Raises
    ------
    ValueError
        If the student has no name, or the seed is not a whole number.

    Examples
    --------
    >>> print(variant("anna", 0))
    variant ac2f3d of student 'anna'
    """
    name = str(student_id).strip()
    if not name:
        raise ValueError(f"student_id is {student_id!r}; a name is needed to draw a variant")
    if isinstance(course_seed, bool) or not isinstance(course_seed, int):
        raise ValueError(f"course_seed is {course_seed!r}; a whole number is needed")
    return Variant(name, course_seed)


def this_student(student_id: str = PRACTICE, course_seed: int = 0) -> Variant:
    """Find the variant of whoever runs the notebook.

    Parameters
    ----------
    student_id, course_seed : who the notebook was handed out to; $ADA_STUDENT and $ADA_COURSE_SEED go
        first, so that whoever grades decides

    Raises
    ------
    ValueError
        If $ADA_COURSE_SEED is not a whole number.

    Examples
    --------
    >>> this_student("anna", 3).course_seed
    3
    """
    name = os.environ.get(STUDENT_VARIABLE, "") or student_id
    seed = os.environ.get(SEED_VARIABLE, "") or str(course_seed)
    if not seed.lstrip("-").isdecimal():
        raise ValueError(f"{SEED_VARIABLE} is {seed!r}; a whole number such as 2026 is needed")
    return variant(name, int(seed))


def draw_shape(
    rng: np.random.Generator, order: int, least: int = 2, most: int = 7
) -> tuple[int, ...]:
    """Draw `order` different dimensions from `least` to `most`.

    Raises
    ------
    ValueError
        If there are fewer of them than modes.
    """
    if most - least + 1 < order:
        raise ValueError(
            f"order is {order}; from {least} to {most} there are {most - least + 1} dimensions"
        )
    return tuple(int(dim) for dim in rng.permutation(np.arange(least, most + 1))[:order])


def draw_fading_tensor(rng: np.random.Generator, shape: Sequence[int]) -> Tensor:
    """Draw a tensor (I_1, ..., I_N): a normal core, faded by 0.5^k to 0.8^k in each mode, and rotated."""
    tensor = rng.standard_normal(tuple(shape))
    for mode, dim in enumerate(shape):
        rotation, _ = np.linalg.qr(rng.standard_normal((dim, dim)))
        faded = rotation * rng.uniform(0.5, 0.8) ** np.arange(dim)
        tensor = np.moveaxis(np.tensordot(faded, tensor, (1, mode)), 0, mode)
    return np.ascontiguousarray(tensor)

"""Augmented copies: how many, how far from the original, and that the seed decides."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.torch_bridge.tiny_runs import tiny_digits
from torch_bridge.training.augment import Distortion, augmented_copies

NONE = Distortion(0.0, 0.0, 0.0, 0.0)


def digits(count: int = 40) -> Tensor:
    """Take the first digits."""
    return torch.tensor(tiny_digits().train_images[:count])


def test_same_seed_same_copies_other_seed_other_copies() -> None:
    first, again, other = (augmented_copies(digits(), 2, Distortion(), s) for s in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert not torch.equal(first[0], first[1])


def test_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    augmented_copies(digits(), 1, Distortion(), 1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("shape", [(5, 28, 28), (1, 20, 20), (4, 20, 28)])
def test_copies_have_shape_and_dtype_of_the_images(copies: int, shape: tuple[int, ...]) -> None:
    images = torch.full(shape, 9, dtype=torch.uint8)
    made = augmented_copies(images, copies, Distortion(), 0)
    assert [tuple(copy.shape) for copy in made] == [shape] * copies
    assert all(copy.dtype == torch.uint8 for copy in made)


def test_no_copies_are_the_images_themselves() -> None:
    images = digits()
    assert augmented_copies(images, 0, Distortion(), 0) == [images]


def test_no_distortion_gives_the_images_up_to_rounding() -> None:
    images = digits()
    (copy,) = augmented_copies(images, 1, NONE, 0)
    assert int((copy.int() - images.int()).abs().max()) <= 1


def distance(distortion: Distortion) -> float:
    """Mean absolute difference of a copy from its original, in grey values."""
    images = digits(200)
    (copy,) = augmented_copies(images, 1, distortion, 0)
    return float((copy.float() - images.float()).abs().mean())


def test_copies_stay_near_their_originals() -> None:
    images = digits(200).float()
    strangers = float((images - images.roll(1, 0)).abs().mean())
    assert 1 < distance(Distortion()) < 0.5 * strangers


@pytest.mark.parametrize(
    "alone",
    [
        Distortion(7.0, 0.0, 0.0, 0.0),
        Distortion(0.0, 0.07, 0.0, 0.0),
        Distortion(0.0, 0.0, 0.05, 0.0),
        Distortion(0.0, 0.0, 0.0, 1.0),
    ],
    ids=["degrees", "scale", "shear", "pixels"],
)
def test_every_kind_of_distortion_does_something_and_less_than_all(alone: Distortion) -> None:
    assert distance(NONE) < 0.1 < distance(alone) < distance(Distortion())


def test_shift_moves_by_at_most_the_pixels_asked() -> None:
    image = torch.zeros(60, 28, 28, dtype=torch.uint8)
    image[:, 14, 14] = 255
    (copy,) = augmented_copies(image, 1, Distortion(0, 0, 0, 2.0), 0)
    _, rows, columns = torch.nonzero(copy, as_tuple=True)
    reach = torch.stack([rows, columns]).sub(14).abs().max()
    assert 2 <= int(reach) <= 3


def test_chunks_make_no_difference_in_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch_bridge.training.augment._CHUNK", 7)
    images = digits()
    (copy,) = augmented_copies(images, 1, NONE, 0)
    assert int((copy.int() - images.int()).abs().max()) <= 1

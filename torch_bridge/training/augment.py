"""Augmented copies of a set of digits, made once before training and kept as bytes in memory.

Every copy is the whole training set under small random rotations, scalings, shears and shifts. An
epoch then takes one copy, so that augmentation costs nothing while training.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from torch_bridge.state.progress import hidden

_CHUNK = 5_000


@dataclass(frozen=True)
class Distortion:
    """Largest size of each random change; every image draws its own, uniformly.

    Attributes
    ----------
    degrees : rotation
    scale : relative change of width and of height
    shear : shear along one axis
    pixels : shift
    """

    degrees: float = 7.0
    scale: float = 0.07
    shear: float = 0.05
    pixels: float = 1.0


def augmented_copies(
    images: Tensor, copies: int, distortion: Distortion, seed: int, *, progress: bool = False
) -> list[Tensor]:
    """Make distorted copies of all images.

    Parameters
    ----------
    images : uint8 tensor of shape (n, height, width)
    copies : how many; 0 gives the images themselves, undistorted
    distortion : how strong
    seed : the same seed gives the same copies
    progress : show a progress bar

    Returns
    -------
    list of uint8 tensors of shape (n, height, width)

    Examples
    --------
    >>> images = torch.zeros(3, 28, 28, dtype=torch.uint8)
    >>> [tuple(copy.shape) for copy in augmented_copies(images, 2, Distortion(), seed=0)]
    [(3, 28, 28), (3, 28, 28)]
    """
    if copies == 0:
        return [images]
    generator = torch.Generator().manual_seed(seed)
    made = []
    for _ in tqdm(range(copies), desc="augmented copies", disable=hidden(progress), leave=False):
        chunks = torch.split(images, _CHUNK)
        made.append(torch.cat([_distort(chunk, distortion, generator) for chunk in chunks]))
    return made


def _distort(images: Tensor, distortion: Distortion, generator: torch.Generator) -> Tensor:
    """One random affine map per image, bilinear, (n, height, width) -> the same."""
    n, rows, columns = images.shape

    def draw(limit: float) -> Tensor:
        return (torch.rand(n, generator=generator) * 2 - 1) * limit

    angle = draw(math.radians(distortion.degrees))
    width, height = 1 + draw(distortion.scale), 1 + draw(distortion.scale)
    shear = draw(distortion.shear)
    right, down = draw(2 * distortion.pixels / columns), draw(2 * distortion.pixels / rows)
    maps = torch.stack(
        [
            torch.stack([width * angle.cos(), -height * angle.sin() + shear, right], 1),
            torch.stack([width * angle.sin(), height * angle.cos(), down], 1),
        ],
        1,
    )  # (n, 2, 3)
    grid = F.affine_grid(maps, [n, 1, rows, columns], align_corners=False)
    moved = F.grid_sample(images[:, None].float(), grid, align_corners=False)
    return moved[:, 0].round().clamp(0, 255).byte()

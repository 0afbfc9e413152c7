"""Augmented copies of a set of digits, made once before training and kept as bytes in memory.

Every copy is the whole training set under small random rotations, scalings, shears and shifts. An
epoch then takes one copy, so that augmentation costs nothing while training.
"""

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from torch_bridge.state.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from torch_bridge.state.fingerprint import digest, fingerprint
from torch_bridge.state.progress import hidden

_CHUNK = 5_000
_KEPT = 3  # sets of copies in a folder


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


def kept_copies(
    images: Tensor,
    copies: int,
    distortion: Distortion,
    seed: int,
    folder: Path | None,
    *,
    progress: bool = False,
) -> list[Tensor]:
    """Make distorted copies of all images, or read them where the same ones were made before.

    Parameters
    ----------
    images, copies, distortion, seed, progress : as for `augmented_copies`
    folder : where they are kept, by what they are made of; None keeps none

    Notes
    -----
    Six copies of MNIST take 19 s of one core to make and 1 s to read. Only the newest three sets are
    kept: one takes as many bytes as it has pixels, here 259 MB. A damaged file is made anew.
    """
    if folder is None or not copies:
        return augmented_copies(images, copies, distortion, seed, progress=progress)
    made_of = {"copies": copies, "distortion": asdict(distortion), "seed": seed}
    mark = fingerprint(images=digest([images]), **made_of)
    path = folder / f"augmented-{mark}.zip"
    try:
        known = load_checkpoint(path, mark)
    except CheckpointError:
        known = None
    if known is not None:
        return [known["copies"][number] for number in range(copies)]
    made = augmented_copies(images, copies, distortion, seed, progress=progress)
    save_checkpoint(path, mark, {"copies": dict(enumerate(made))})
    ages = sorted((file.stat().st_mtime, file) for file in folder.glob("augmented-*.zip"))
    for _, old in ages[:-_KEPT]:
        old.unlink(missing_ok=True)
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


@dataclass(frozen=True)
class Augmentation:
    """Random changes of each training image.

    Attributes
    ----------
    shift : pixels up, down, left and right at most; what comes in is black
    mirror : whether left and right are swapped, each time with a chance of one half
    """

    shift: int = 4
    mirror: bool = True

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw for n images how far down and right each moves, and whether it is mirrored: (n, 3)."""
        moves = torch.randint(0, 2 * self.shift + 1, (n, 2), generator=generator)
        mirrored = torch.randint(0, 2, (n, 1), generator=generator) * int(self.mirror)
        return torch.cat([moves, mirrored], 1)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Move and mirror bytes (n, height, width, colours) as drawn (n, 3); same shape.

        Examples
        --------
        >>> image = torch.tensor([[[[1], [2], [3]]]], dtype=torch.uint8)
        >>> Augmentation(shift=1).apply(image, torch.tensor([[1, 0, 0]])).flatten().tolist()
        [0, 1, 2]
        >>> Augmentation(shift=1).apply(image, torch.tensor([[1, 1, 1]])).flatten().tolist()
        [3, 2, 1]
        """
        n, height, width, _ = images.shape
        padded = F.pad(images, (0, 0, self.shift, self.shift, self.shift, self.shift))
        down, right, mirrored = drawn[:, :, None].unbind(1)
        rows = down + torch.arange(height, device=images.device)  # (n, height)
        columns = torch.arange(width, device=images.device)
        columns = right + torch.where(mirrored == 1, width - 1 - columns, columns)  # (n, width)
        which = torch.arange(n, device=images.device)
        return padded[which[:, None, None], rows[:, :, None], columns[:, None, :]]


@dataclass(frozen=True)
class CutoutAugmentation(Augmentation):
    """Random changes of each training image that also cover a part of it (cutout, arXiv 1708.04552).

    Attributes
    ----------
    cutout : side in pixels of a square that becomes black, wherever it falls; a part may lie outside
    """

    cutout: int = 8

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw for n images also where the cutout is, as shares of height and width: (n, 5)."""
        places = torch.rand(n, 2, generator=generator)
        return torch.cat([super().draw(n, generator), places], 1)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Move, mirror and cover bytes (n, height, width, colours) as drawn (n, 5); same shape.

        Examples
        --------
        >>> image = torch.tensor([[[[1], [2], [3], [4]]]], dtype=torch.uint8)
        >>> change = torch.tensor([[0, 0, 0, 0, 0.5]])
        >>> CutoutAugmentation(shift=0, cutout=2).apply(image, change).flatten().tolist()
        [1, 0, 0, 4]
        """
        moved = super().apply(images, drawn[:, :3].long())
        covered = [
            (torch.arange(side, device=images.device) + 0.5 - side * place[:, None]).abs()
            < self.cutout / 2
            for side, place in zip(images.shape[1:3], drawn[:, 3:].unbind(1), strict=True)
        ]  # rows (n, height) and columns (n, width)
        return moved.masked_fill((covered[0][:, :, None] & covered[1][:, None])[..., None], 0)

"""Photographs that installed packages ship, in three parts, and random crops of them.

No photograph is in two parts, and no scene either: both views of one motorcycle are trained on.
Crops of one photograph resemble each other, so what is measured on the test part's crops counts as a
handful of pictures, however many crops there are.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tools.zoo.packages import folder_of

PARTS: dict[str, tuple[tuple[str, str], ...]] = {
    "train": (
        ("sklearn", "datasets/images/china.jpg"),
        ("skimage", "data/astronaut.png"),
        ("skimage", "data/motorcycle_left.png"),
        ("skimage", "data/motorcycle_right.png"),
        ("skimage", "data/hubble_deep_field.jpg"),
        ("skimage", "data/retina.jpg"),
        ("skimage", "data/ihc.png"),
        ("skimage", "data/color.png"),
        ("skimage", "data/camera.png"),
        ("skimage", "data/coins.png"),
        ("skimage", "data/brick.png"),
        ("skimage", "data/grass.png"),
        ("skimage", "data/gravel.png"),
        ("skimage", "data/moon.png"),
        ("skimage", "data/page.png"),
        ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
        ("ultralytics", "assets/bus.jpg"),
        ("ultralytics", "assets/zidane.jpg"),
        ("gradio", "media_assets/images/cheetah.jpg"),
        ("gradio", "media_assets/images/cheetah1.jpg"),
        ("gradio", "test_data/cheetah2.jpg"),
        ("gradio", "media_assets/images/groot.jpeg"),
    ),
    "validation": (
        ("imgaug", "quokka.jpg"),
        ("gradio", "media_assets/images/lion.jpg"),
    ),
    "test": (
        ("sklearn", "datasets/images/flower.jpg"),
        ("skimage", "data/chelsea.png"),
        ("skimage", "data/coffee.png"),
        ("skimage", "data/rocket.jpg"),
        ("gradio", "media_assets/images/tower.jpg"),
    ),
}
MODULES = tuple(dict.fromkeys(module for part in PARTS.values() for module, _ in part))

_LONGEST = 640  # pixels of a photograph's longer side: larger ones only cost time
_JITTER = 0.4


class Crops(NamedTuple):
    """How crops are drawn.

    Attributes
    ----------
    size : pixels of a side
    least : smallest area of a crop, as a fraction of the photograph's
    jitter : whether brightness, contrast and colours change at random
    """

    size: int
    least: float = 0.1
    jitter: bool = False


@cache
def photographs(part: str) -> tuple[Tensor, ...]:
    """All photographs of a part: float32 (3, height, width), 0 to 1.

    Raises
    ------
    MissingPackagesError
        If a package that ships one is not installed.
    """
    from PIL import Image

    found = []
    for module, name in PARTS[part]:
        with Image.open(folder_of(module) / name) as picture:
            colours = picture.convert("RGB")
            colours.thumbnail((_LONGEST, _LONGEST))
            pixels = np.asarray(colours, np.float32) / 255
        found.append(torch.from_numpy(pixels).permute(2, 0, 1).contiguous())
    return tuple(found)


def random_crops(pictures: tuple[Tensor, ...], count: int, crops: Crops, seed: int) -> Tensor:
    """Draw crops, each of a picture drawn at random, some of them mirrored.

    Parameters
    ----------
    pictures : each (3, height, width), 0 to 1
    count : of crops
    crops : how they are drawn
    seed : of the draw

    Returns
    -------
    (count, 3, size, size), 0 to 1

    Examples
    --------
    >>> random_crops((torch.rand(3, 40, 60),), 2, Crops(16), seed=0).shape
    torch.Size([2, 3, 16, 16])
    """
    rng = np.random.default_rng(seed)
    drawn = [_crop(pictures[rng.integers(len(pictures))], crops, rng) for _ in range(count)]
    return torch.stack(drawn)


def _crop(picture: Tensor, crops: Crops, rng: np.random.Generator) -> Tensor:
    height, width = picture.shape[1:]
    area = rng.uniform(crops.least, 1.0) * height * width
    aspect = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
    tall = min(height, max(8, round(np.sqrt(area / aspect))))
    wide = min(width, max(8, round(np.sqrt(area * aspect))))
    top, left = rng.integers(height - tall + 1), rng.integers(width - wide + 1)
    piece = picture[None, :, top : top + tall, left : left + wide]
    crop = F.interpolate(
        piece, (crops.size, crops.size), mode="bilinear", antialias=True, align_corners=False
    )[0]
    if rng.random() < 0.5:
        crop = crop.flip(2)
    return _jittered(crop, rng) if crops.jitter else crop


def _jittered(crop: Tensor, rng: np.random.Generator) -> Tensor:
    """Brightness, contrast and saturation changed, and now and then the order of the colours."""
    bright, contrast, colour = (float(f) for f in rng.uniform(1 - _JITTER, 1 + _JITTER, 3))
    crop = torch.lerp(crop.mean(), crop * bright, contrast)
    crop = torch.lerp(crop.mean(0, keepdim=True), crop, colour)
    if rng.random() < 0.2:
        crop = crop[torch.from_numpy(rng.permutation(3))]
    return crop.clamp(0, 1)


def mixed(crops: Tensor, seed: int) -> Tensor:
    """Half of the batches: each crop blended with another, so that few photographs make many inputs.

    Source: Beyer et al., arXiv 2106.05237: a student that imitates on blended pictures imitates better.
    """
    rng = np.random.default_rng(seed)
    if rng.random() < 0.5:
        return crops
    share = torch.from_numpy(rng.uniform(0.5, 1.0, (len(crops), 1, 1, 1)).astype(np.float32))
    return torch.lerp(crops.roll(1, 0), crops, share)

"""The LeNets in numpy alone: what a decoded `.ada` file needs to read digits.

No training and no PyTorch here. A convolution is a tensor product of the kernel with a view of all
image patches (`sliding_window_view` copies nothing).
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from tucker_core.architectures import PIXEL_MEAN, PIXEL_STD

Array = npt.NDArray[np.float32]
Weights = Mapping[str, Array]


def logits(architecture: str, weights: Weights, images: npt.NDArray[np.uint8]) -> Array:
    """Run a LeNet on byte images.

    Parameters
    ----------
    architecture : "lenet5" or "lenet300"
    weights : name -> float32 array, as `CompressedNetwork.to_dense` gives them
    images : bytes of shape (n, 28, 28)

    Returns
    -------
    array of shape (n, 10); the largest entry of a row is the digit that is read

    Raises
    ------
    ValueError
        If the architecture is unknown.

    Examples
    --------
    >>> from tucker_core import ARCHITECTURES
    >>> blank = {name: np.zeros(shape, np.float32) for name, shape in ARCHITECTURES["lenet5"].items()}
    >>> logits("lenet5", blank, np.zeros((2, 28, 28), np.uint8)).shape
    (2, 10)
    """
    networks = {"lenet5": lenet5, "lenet300": lenet300}
    if architecture not in networks:
        raise ValueError(f"architecture {architecture!r} is unknown; known: {sorted(networks)}")
    inputs = ((images.astype(np.float32) / 255 - PIXEL_MEAN) / PIXEL_STD).astype(np.float32)
    return networks[architecture](weights, inputs[:, None])


def lenet5(weights: Weights, inputs: Array) -> Array:
    """LeNet-5 on normalised images (n, 1, 28, 28) -> (n, 10)."""
    x = max_pool(conv2d(inputs, weights["conv1.weight"], weights["conv1.bias"]))  # (n, 20, 12, 12)
    x = max_pool(conv2d(x, weights["conv2.weight"], weights["conv2.bias"]))  # (n, 50, 4, 4)
    x = np.maximum(x.reshape(len(x), -1) @ weights["fc1.weight"].T + weights["fc1.bias"], 0)
    out: Array = x @ weights["fc2.weight"].T + weights["fc2.bias"]
    return out


def lenet300(weights: Weights, inputs: Array) -> Array:
    """LeNet-300-100 on normalised images (n, 1, 28, 28) -> (n, 10)."""
    x = inputs.reshape(len(inputs), -1)
    x = np.maximum(x @ weights["fc1.weight"].T + weights["fc1.bias"], 0)
    x = np.maximum(x @ weights["fc2.weight"].T + weights["fc2.bias"], 0)
    out: Array = x @ weights["fc3.weight"].T + weights["fc3.bias"]
    return out


def conv2d(images: Array, kernel: Array, bias: Array) -> Array:
    """Convolve (n, c, h, w) with a kernel (o, c, kh, kw), no padding -> (n, o, h - kh + 1, w - kw + 1).

    Examples
    --------
    >>> image = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    >>> conv2d(image, np.ones((1, 1, 2, 2), np.float32), np.zeros(1, np.float32))[0, 0]
    array([[ 8., 12.],
           [20., 24.]], dtype=float32)
    """
    patches = sliding_window_view(images, kernel.shape[2:], axis=(2, 3))  # (n, c, h', w', kh, kw)
    sums = np.tensordot(patches, kernel, axes=((1, 4, 5), (1, 2, 3)))  # (n, h', w', o)
    return np.moveaxis(sums + bias, 3, 1)


def max_pool(images: Array) -> Array:
    """Keep the largest of every 2 x 2 pixels: (n, c, h, w) -> (n, c, h / 2, w / 2).

    Examples
    --------
    >>> max_pool(np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2))[0, 0]
    array([[3.]], dtype=float32)
    """
    n, c, h, w = images.shape
    pooled: Array = images.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))
    return pooled

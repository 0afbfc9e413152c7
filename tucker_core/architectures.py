"""Names and shapes of the parameters of networks that are so well known that a file may skip them.

A file that names one of these architectures lists neither parameter names nor shapes; parameters it
leaves out are zero (the inner biases of a LeNet, for example). Any other network lists both.
The LeNets are the Caffe ones of the compression literature: 431,080 and 266,610 parameters. The ResNets
are those of He et al. (arXiv 1512.03385) for CIFAR-10; each of their batch-norms is a weight and a bias,
as it is once its statistics are folded into them.
"""

import math

from tucker_core.checks import check_integer, shown

Shape = tuple[int, ...]

# What the LeNets expect: pixels on a scale from 0 to 1, less the mean and divided by the standard
# deviation of MNIST's training pixels.
PIXEL_MEAN, PIXEL_STD = 0.1307, 0.3081


def cifar_resnet(depth: int) -> dict[str, Shape]:
    """Parameters of a residual network of depth 6 n + 2 for 32 x 32 images, in order.

    Raises
    ------
    TypeError, ValueError
        If the depth is no integer from 8 to 10,000, or not 6 n + 2.

    Examples
    --------
    >>> table = cifar_resnet(20)
    >>> table["layer2.0.conv1.weight"], sum(math.prod(shape) for shape in table.values())
    ((32, 16, 3, 3), 269722)
    """
    depth = check_integer(depth, "depth", 8, 10_000)
    if depth % 6 != 2:
        raise ValueError(f"depth is {depth}; it must be 6 n + 2, as {depth - (depth - 2) % 6} is")
    table: dict[str, Shape] = {
        "conv1.weight": (16, 3, 3, 3),
        "bn1.weight": (16,),
        "bn1.bias": (16,),
    }
    inside = 16
    for stage, outside in enumerate((16, 32, 64), start=1):
        for block in range((depth - 2) // 6):
            for part in (1, 2):
                name = f"layer{stage}.{block}"
                table[f"{name}.conv{part}.weight"] = (outside, inside, 3, 3)
                table[f"{name}.bn{part}.weight"] = table[f"{name}.bn{part}.bias"] = (outside,)
                inside = outside
    return table | {"fc.weight": (10, 64), "fc.bias": (10,)}


ARCHITECTURES: dict[str, dict[str, Shape]] = {
    "lenet5": {
        "conv1.weight": (20, 1, 5, 5),
        "conv1.bias": (20,),
        "conv2.weight": (50, 20, 5, 5),
        "conv2.bias": (50,),
        "fc1.weight": (500, 800),
        "fc1.bias": (500,),
        "fc2.weight": (10, 500),
        "fc2.bias": (10,),
    },
    "lenet300": {
        "fc1.weight": (300, 784),
        "fc1.bias": (300,),
        "fc2.weight": (100, 300),
        "fc2.bias": (100,),
        "fc3.weight": (10, 100),
        "fc3.bias": (10,),
    },
    **{f"resnet{depth}": cifar_resnet(depth) for depth in (20, 32, 56, 110)},
}


def dense_params(architecture: str) -> int:
    """Count the weights and biases of a known architecture.

    Raises
    ------
    ValueError
        If the architecture is not in the table.

    Examples
    --------
    >>> dense_params("lenet5"), dense_params("lenet300")
    (431080, 266610)
    """
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        raise ValueError(
            f"architecture {shown(architecture)} is unknown; known: {sorted(ARCHITECTURES)}"
        )
    return sum(math.prod(shape) for shape in ARCHITECTURES[architecture].values())

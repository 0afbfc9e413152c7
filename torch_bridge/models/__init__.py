"""The networks of the benchmarks, built by name."""

from torch_bridge.models.alexnet import AlexNet, ConvNet
from torch_bridge.models.lenet import LeNet5, LeNet300
from torch_bridge.models.registry import LENETS, MODELS, build_model
from torch_bridge.models.resnet import ResNet
from torch_bridge.models.resnet_cifar import CifarResNet
from torch_bridge.models.wide_resnet import WideResNet

__all__ = [
    "LENETS",
    "MODELS",
    "AlexNet",
    "CifarResNet",
    "ConvNet",
    "LeNet5",
    "LeNet300",
    "ResNet",
    "WideResNet",
    "build_model",
]

"""The networks of the benchmarks, built by name."""

from torch_bridge.models.lenet import LeNet5, LeNet300
from torch_bridge.models.registry import MODELS, build_model

__all__ = ["MODELS", "LeNet5", "LeNet300", "build_model"]

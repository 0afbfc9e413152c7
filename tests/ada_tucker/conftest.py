"""The fixtures of the libraries' tests serve those of the program, too."""

from tests.torch_bridge.conftest import resnet8, tiny_cache

__all__ = ["resnet8", "tiny_cache"]

"""The program `ada-tucker`; what it does lies in `torch_bridge`."""

"""Networks that others trained, compressed without their training data: `python -m tools.zoo`."""

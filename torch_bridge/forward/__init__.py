"""Layers that compute with core and factors instead of the weight that they make."""

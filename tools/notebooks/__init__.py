"""Notebooks built from their sources; `tools/notebooks/__main__.py` is the command."""

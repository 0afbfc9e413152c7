"""Notebooks built from their sources; `tools/nb.py` is the command."""

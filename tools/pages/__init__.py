"""README, docs and their pictures, made from results and docstrings."""

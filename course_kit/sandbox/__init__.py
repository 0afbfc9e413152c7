"""A Jupyter kernel that is kept apart, and the border that only values cross."""

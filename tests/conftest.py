"""Settings for the whole suite."""

from hypothesis import settings

# No deadline: a busy machine is no bug. Derandomised, so that a red run is red again.
settings.register_profile("ada", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("ada")

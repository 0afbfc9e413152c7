"""What lies on disk of a run: weights by name, checkpoints, fingerprints."""

"""Where a submission runs: a guarded process of its own."""

"""Training of every network: config, data, objective, loop, and what watches over it."""

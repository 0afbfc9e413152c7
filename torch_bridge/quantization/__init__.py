"""Quantisation-aware training: rounding that gradients pass, and the rate term that prices it."""

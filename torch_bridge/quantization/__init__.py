"""Quantisation-aware training: rounding that gradients pass, and the bits that integers will take."""

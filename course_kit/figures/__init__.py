"""Whole figures, drawn from result files."""

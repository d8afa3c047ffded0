"""Analyses of momentum and learning rates."""

"""Analyses of batches."""

"""Analyses of batch normalisation."""

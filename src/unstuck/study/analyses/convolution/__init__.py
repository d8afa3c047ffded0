"""Analyses of convolution."""

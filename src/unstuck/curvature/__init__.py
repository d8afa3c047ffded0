"""Hessians, spectra and critical points of one trained network."""

PARAMETER_LIMIT = 20_000
"""Parameters above which no dense matrix is formed unless asked for (3 GiB in float64)."""

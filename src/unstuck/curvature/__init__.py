"""Hessians, spectra and critical points of one trained network."""

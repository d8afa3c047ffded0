"""Intervals, paired tests, multiplicity, power and the verdict rule."""

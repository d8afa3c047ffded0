"""Intervals that repeat the choice of a rate, shares, power, and the verdict rule."""

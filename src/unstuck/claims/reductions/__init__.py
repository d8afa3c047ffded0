"""Reductions: small pure functions that make of a table one value a run.

A claim's file names one with its arguments, ``value: {log_slope: {x: radius, y: remainder}}``.
A module here holds those of one kind; `unstuck.claims.reductions.base.register` says what one is.
"""

from unstuck.claims.reductions import arrival, flags, rates, summaries  # noqa: F401 registers them
from unstuck.claims.reductions.base import arguments, axes, brought_code, columns, names, reduction

__all__ = ["arguments", "axes", "brought_code", "columns", "names", "reduction"]

"""Analytic surfaces whose critical points are known, the toy of two weights among them."""

import pandas as pd

from unstuck.study.analyses.base import AnalysisBase, Context


class GalleryAnalysis(AnalysisBase):
    """What derivatives say of critical points that are known by sight."""

    tables = ("points", "tolerances", "heights", "toy", "axes", "escape", "leaving")

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Expand the surfaces at their critical points, probe around them, and leave the saddle.

        Returns
        -------
        points
            One row a critical point, and one a point that is none (`critical`): its `kind`, what
            the signs of the eigenvalues say (`said`), what 1,000 steps in random directions see
            (`seen`), whether the signs are silent, and whether what they say is wrong.
        tolerances
            One row a point and relative tolerance below which an eigenvalue counts as zero: the
            counts of signs, and whether they are silent.
        heights
            One row a surface and place of a grid: the height there.
        toy
            One row a quantity of (1 − w₁w₂)² at a place: its value, what it must be, and the
            difference.
        axes
            One row a critical point of the toy: eigenvalues and eigenvectors.
        escape, leaving
            As those of a ladder, for the saddle of the toy.
        """
        from unstuck.study.analyses.critical_points import known_points, toy

        return {
            "points": known_points.points(),
            "tolerances": known_points.tolerances(),
            "heights": known_points.heights(),
            "toy": toy.quantities(),
            "axes": toy.axes(),
            "escape": toy.escape(),
            "leaving": toy.leaving(),
        }

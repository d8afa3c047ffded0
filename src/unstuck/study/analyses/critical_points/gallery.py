"""Analytic surfaces whose critical points are known, the toy of two weights among them."""

import pandas as pd

from unstuck.study.analyses.base import AnalysisBase, Context


class GalleryAnalysis(AnalysisBase):
    """What derivatives say of critical points that are known by sight."""

    tables = ("points", "tolerances", "heights", "toy", "escape", "leaving")

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Expand the surfaces at their critical points, probe around them, and leave the saddle.

        Returns
        -------
        points
            One row a critical point, and one a point that is none.
            Also: point, surface, said, seen, silent, gradient_norm, negative, zero, positive,
                lambda_min, lambda_max, down, up, radius.
            x, y (number): Place of the point.
            critical (boolean): Whether the point is critical.
            kind (string): What it is; slope if it is not critical.
            wrong (boolean): Whether what the signs say is wrong.
        tolerances
            One row a point and tolerance.
            Also: point, negative, zero, positive, silent.
            tolerance (number): Share of the largest absolute eigenvalue up to which one counts as
                zero.
        heights
            One row a surface and place of a grid.
            Also: surface, x, y.
            height (number): The surface's value there.
        toy
            One row a quantity of (1 − w₁w₂)² at a place.
            Also: quantity, expected, error.
            place (string): Name of the place.
            w1, w2 (number): Weight of the toy.
            value (number): What the quantity is.
        escape
            One row a distance from the saddle of the toy, as in a ladder.
            Also: dataset, eigenvalue, residual, radius.
            change (number): Change of the loss along the lowest eigenvector.
            ratio (number): That change over what the quadratic says, eigenvalue · radius² / 2.
        leaving
            The saddle of the toy, left by gradient descent, as in a ladder.
            Also: dataset, predicted_slope, farthest.
            slope (number, updates): Updates for each factor of ten of distance, by a straight line;
                none if a start never left.
            ratio (number): That slope over what the eigenvalue foretells.
            deviation (number, updates): Largest deviation from the line.
            stuck (integer, starts): Starts that never left.
        """
        from unstuck.study.analyses.critical_points import known_points, toy

        return {
            "points": known_points.points(),
            "tolerances": known_points.tolerances(),
            "heights": known_points.heights(),
            "toy": toy.quantities(),
            "escape": toy.escape(),
            "leaving": toy.leaving(),
        }

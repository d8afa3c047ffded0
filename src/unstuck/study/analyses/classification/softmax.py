"""What softmax does to gaps between outputs, and how the losses over it slope."""

import pandas as pd
from pydantic import Field, PositiveInt

from unstuck.study.analyses.base import AnalysisBase, Context


class SoftmaxAnalysis(AnalysisBase):
    """Softmax against closed forms, and walks over the two losses from sure and wrong starts."""

    tables = (
        *("vectors", "pairs", "shares", "gaps"),
        *("slopes", "arrivals", "plane", "paths", "closed_forms"),
    )

    seeds: PositiveInt = Field(default=20, description="Starts where it is sure and wrong.")

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Apply softmax to vectors of known gaps, and walk over the plane of two outputs.

        Returns
        -------
        vectors
            One row a vector of outputs; vector −1 is the lecture's (3, 1, −3).
            vector (integer): Number of the vector.
            smallest, largest (number): Extreme entry of its softmax.
            outside (number): How far an entry is outside [0, 1].
            sum (number): Sum of the entries.
            sum_error (number): Absolute difference of the sum from 1.
        pairs
            One row a pair of outputs of these vectors.
            Also: vector.
            gap (number): Difference of the two outputs.
            ratio (number): Ratio of their softmax, the larger over the smaller.
            difference (number): Difference of their softmax.
            ratio_error (number): Relative error of the ratio against e^gap.
            ratio_above_gap (boolean): Whether the ratio exceeds the gap.
            difference_over_half_gap (number): The difference over half the gap.
        shares
            One row a scale of positive outputs.
            scale (number): Scale of the outputs.
            apart (number): Share of pairs that softmax draws further apart, as a ratio, than plain
                shares y_i / Σ y do.
        gaps
            One row a gap of two classes.
            Also: gap, ratio, difference.
            sigmoid_error (number): Difference of an entry of softmax from the sigmoid of the gap.
        slopes
            One row a corner, loss and seed.
            Also: gradient_norm.
            seed (integer): Number of the random start.
            corner (string): Start: wrong (the true class far below the other), moved (both outputs
                of wrong moved alike) or level.
            loss (string): Name of the loss.
            y1, y2 (number): Output of a class.
        arrivals
            One row an optimizer, loss, corner and seed.
            Also: optimizer, loss, corner, seed.
            rate (number): Learning rate.
            arrived (number, updates): Updates until the true class had p > 0.9; none if it never
                had.
            updates (integer, updates): Updates made at most.
        plane
            One row a place of the plane of two outputs.
            Also: y1, y2.
            cross_entropy_value (number, nats): Cross-entropy.
            squared_error_value (number): Squared error.
            ratio (number): Norm of the gradient of cross-entropy over that of squared error.
        paths
            One row a point of the walk of an optimizer over a loss.
            Also: loss, optimizer, update, y1, y2.
        closed_forms
            One row a loss and gap.
            Also: loss, gap, relative_error.
            value (number): Norm of the gradient.
            expected (number): Its closed form.
        """
        from unstuck.study.analyses.classification import loss_plane, softmax_outputs

        context.progress("softmax against closed forms")
        vectors, pairs = softmax_outputs.vectors_and_pairs()
        plane = loss_plane.LossPlane(context.units(self.seeds))
        return {
            "vectors": vectors,
            "pairs": pairs,
            "shares": softmax_outputs.shares(),
            "gaps": softmax_outputs.gaps(),
            "slopes": plane.slopes(),
            "arrivals": plane.arrivals(),
            "plane": loss_plane.plane(),
            "paths": plane.paths(),
            "closed_forms": loss_plane.closed_forms(),
        }

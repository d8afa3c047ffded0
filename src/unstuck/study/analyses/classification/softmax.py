"""What softmax does to gaps between outputs, and how the losses over it slope."""

import pandas as pd
from pydantic import Field, PositiveInt

from unstuck.study.analyses.base import AnalysisBase, Context


class SoftmaxAnalysis(AnalysisBase):
    """Softmax against closed forms, and walks over the two losses from sure and wrong starts."""

    tables = (
        *("vectors", "pairs", "shares", "gaps", "saturation", "identities"),
        *("slopes", "arrivals", "plane", "paths", "closed_forms"),
    )

    seeds: PositiveInt = Field(default=20, description="Starts where it is sure and wrong.")

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Apply softmax to vectors of known gaps, and walk over the plane of two outputs.

        Returns
        -------
        vectors
            One row a vector of outputs: its softmax's smallest and largest entry, how far an entry
            is outside [0, 1], and the sum and its difference from 1. Vector −1 is the lecture's
            (3, 1, −3), with its entries.
        pairs
            One row a pair of outputs of these vectors: gap, ratio and difference of their softmax,
            the relative error of the ratio e^gap, whether the ratio exceeds the gap, and the
            difference over half the gap.
        shares
            One row a scale of positive outputs: the share of pairs that softmax draws further
            apart, as a ratio, than plain shares y_i / Σ y do.
        gaps
            One row a gap of two classes: ratio and difference of softmax, and the difference of
            its entry from the sigmoid.
        saturation
            One row a number format and bound: the smallest gap of two classes at which an entry
            rounds to it; and whether it does in exact arithmetic at a gap of 1000.
        identities
            One row an identity of softmax: its value, what it must be, and the difference.
        slopes
            One row a corner (`wrong`: the true class far below the other; `level`), loss and seed:
            the start and the gradient norm there.
        arrivals
            One row an optimizer, loss, corner (`moved`: both outputs of `wrong` moved alike) and
            seed: updates until p > 0.9 at the rate given (NaN if it did not arrive), of so many.
        plane
            One row a place: both losses, their gradient norms and the ratio of these.
        paths
            Points of one walk an optimizer and loss.
        closed_forms
            One row a loss and gap: the gradient norm, its closed form, and the relative error.
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
            "saturation": softmax_outputs.saturation(),
            "identities": softmax_outputs.identities(),
            "slopes": plane.slopes(),
            "arrivals": plane.arrivals(),
            "plane": loss_plane.plane(),
            "paths": plane.paths(),
            "closed_forms": loss_plane.closed_forms(),
        }

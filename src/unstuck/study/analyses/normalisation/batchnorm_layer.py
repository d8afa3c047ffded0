"""What a layer of batch normalisation does to features, to samples and to its averages."""

import pandas as pd

from unstuck.study.analyses.base import AnalysisBase, Context


class BatchnormLayerAnalysis(AnalysisBase):
    """The project's layer of batch normalisation against closed forms and torch's layers."""

    tables = ("features", "initial", "samples", "torch", "coupling", "strength", "averages")

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Pass features through the layer.

        Returns
        -------
        features
            One row a part and feature: mean and variance before and after the layer, what they must
            be after it (β and γ² v/(v + ε), v the variance before), and the differences. Parts:
            `initial`, forty features of variance 1 to 64; `moved`, the same with other γ and β;
            `small`, variances near ε; `trained`, the first layer of a network after training.
        initial
            One row a placement, network, parameter: how far the initial γ are from 1, β from 0.
        samples
            One row a feature, sample and side (`before`, `after`) of some features: the value.
        torch
            One row a shape, momentum and quantity: the largest difference from torch's own layer
            over several updates and at inference.
        coupling
            One row a network (with batch normalisation in training and at inference, and without)
            and ordered pair of samples: the norm of the derivative of the output of one by the
            input of the other, and that over the derivative by its own input.
        strength
            One row a batch size: the effect of one other sample, and of all others, over that of a
            sample's own feature; and the largest differences of the layer's derivatives from their
            closed form (δᵢⱼ − (1 + x̂ᵢx̂ⱼ)/B) / √(v + ε), from torch's, and of their sums from 0.
        averages
            One row a quantity of the running averages, and of batches of one: its value, what it
            must be, and the difference.
        """
        from unstuck.study.analyses.normalisation import (
            layer_averages,
            layer_coupling,
            layer_statistics,
        )

        context.progress("passing features through batch normalisation")
        return {
            "features": layer_statistics.features(),
            "initial": layer_statistics.initial(),
            "samples": layer_statistics.samples(),
            "torch": layer_statistics.differences_from_torch(),
            "coupling": layer_coupling.coupling(),
            "strength": layer_coupling.strength(),
            "averages": layer_averages.averages(),
        }

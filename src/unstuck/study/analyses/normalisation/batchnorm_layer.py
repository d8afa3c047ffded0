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
            One row a part and feature.
            part (string): initial (forty features of variance 1 to 64), moved (the same with other
                γ and β), small (variances near ε) or trained (the first layer of a network after
                training).
            feature (integer): Number of the feature.
            mean_before, variance_before (number): Of the feature before the layer.
            mean_after, variance_after (number): Of the feature after the layer.
            expected_mean (number): What the mean must be after the layer, β.
            expected_variance (number): What the variance must be after the layer, γ² v/(v + ε), v
                that before.
            mean_error, variance_error (number): Absolute difference from what it must be.
        initial
            One row a placement, network and parameter.
            Also: seed.
            batchnorm (string): Batch normalisation before or after each activation, or off.
            parameter (string): gamma or beta.
            count (integer, parameters): Parameters of that kind.
            deviation (number): Largest distance of the initial γ from 1, β from 0.
        samples
            One row a feature, sample and side of some features.
            Also: feature.
            side (string): before or after the layer.
            value (number): The sample's value of the feature.
        torch
            One row a shape, momentum and quantity.
            shape (string): Shape of the input, without its samples.
            momentum (number): Weight of the newest batch in the running statistics.
            quantity (string): forward, backward, running or inference.
            difference (number): Largest difference from torch's own layer over several updates.
        coupling
            One row a network and ordered pair of samples.
            Also: batchnorm, batch_size.
            mode (string): training or inference.
            output, input (integer): Number of the sample.
            own (boolean): Whether both are the same sample.
            derivative (number): Norm of the derivative of the output of the one by the input of the
                other.
            relative (number): That over the derivative by its own input.
        strength
            One row a batch size.
            Also: batch_size.
            one (number): Effect of one other sample over that of a sample's own feature.
            all (number): Effect of all others over that of a sample's own feature.
            closed_form_gap (number): Largest difference of the layer's derivatives from (δᵢⱼ − (1 +
                x̂ᵢx̂ⱼ)/B) / √(v + ε).
            torch_gap (number): Largest difference of the layer's derivatives from torch's.
            sum (number): Largest absolute sum of the derivatives, which must be 0.
        averages
            One row a quantity of the running averages, or of batches of one.
            Also: quantity, expected, error.
            part (string): running, readings, or batch of one.
            value (number): What the quantity is.
            momentum (number): Share p of the old value that a running average keeps.
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

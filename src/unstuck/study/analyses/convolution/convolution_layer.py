"""How large a convolution is, what one filter answers, and which matrix it is."""

import pandas as pd

from unstuck.study.analyses.base import AnalysisBase, Context


class ConvolutionLayerAnalysis(AnalysisBase):
    """The project's convolutions against counts, scipy, torch and fully connected layers."""

    tables = (
        *("counts", "layers", "maps", "overlaps", "filter", "answers", "cells"),
        *("equality", "matrix", "fields"),
    )

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Count, slide and multiply.

        Returns
        -------
        counts
            One row a quantity that is counted.
            Also: quantity.
            part (string): Where the number is from: notes, more (of ours) or torch.
            value (integer): The count by the project's own layers.
            expected (integer): What it must be.
            wrong (boolean): Whether what was found is not what must be.
        layers
            One row a layer of the notes' image.
            layer (string): full, local (fields without sharing) or shared (convolution).
            weights (integer, parameters): Weights of the layer.
            biases (integer, parameters): Biases of the layer.
            multiply_adds (integer): Multiplications and additions of a forward pass of one image.
        maps
            One row a side of the image, kernel, stride and padding.
            Also: wrong.
            side (integer, pixels): Side of the image.
            kernel (integer, pixels): Side of the kernel.
            stride (integer, pixels): Step of the kernel.
            padding (integer, pixels): Zeros at each end.
            value (integer, pixels): Side of the map.
            expected (integer, pixels): The side by windows placed one by one.
        overlaps
            One row a kernel and stride.
            Also: kernel, stride, wrong.
            value (integer, pixels): Pixels that neighbouring windows share.
            expected (integer, pixels): k(k − stride), or 0 where that is less.
        filter
            One row a place of the 6×6 image's map or binary 3×3 patch.
            part (string): place (by the diagonal filter), mirrored (by its mirror image) or patch.
            number (integer): Number of the place or patch.
            row, column (integer, pixels): Place on the map; 0 for patches.
            value (number): The filter's answer.
            scipy_error (number): Difference from scipy's answer.
            expected (boolean): Whether the answer must be 3, the largest there is.
            wrong (boolean): Whether it wrongly is or is not.
        answers
            One row an answer of the diagonal filter.
            answer (number): The answer.
            patches (integer, patches): How many of the 512 binary patches give it.
        cells
            One row a pixel of the image, entry of the filter, or place of the map.
            array (string): image, filter or map.
            row, column (integer, pixels): Place in the array.
            value (number): The value there.
        equality
            One row a case and quantity.
            Also: kernel, stride, padding.
            case (integer): Number of the case of places, kernel, stride and padding.
            places (string, pixels): Size of the input.
            quantity (string): What is compared; `zeros` is the answer to a pixel where the matrix
                has a zero, `untied` the share of shared weights whose places ask for different
                changes.
            value (number): Largest relative difference of a sliding filter from a fully connected
                layer with zeros and tied weights, or what the quantity says.
        matrix
            One row an entry of that layer's matrix on a small image.
            input, output (integer): Number of the pixel or place.
            weight (integer): Number of the weight that stands there; −1 for a zero.
        fields
            One row a depth and seed.
            depth (integer, layers): Stacked 3×3 layers.
            seed (integer): Number of the random network and image.
            expected (integer, pixels): Side of the field by theory, 2 · depth + 1.
            smallest, largest (number, pixels): Extreme side of the field that a gradient reaches.
            effective (number, pixels): Side of an even field with the same spread of squared
                gradients.
        """
        from unstuck.study.analyses.convolution import (
            layer_counts,
            layer_fields,
            layer_filter,
            layer_matrix,
        )

        context.progress("counting and sliding filters")
        return {
            "counts": layer_counts.counts(),
            "layers": layer_counts.layers(),
            "maps": layer_counts.maps(),
            "overlaps": layer_counts.overlaps(),
            "filter": layer_filter.answers_by_place_and_patch(),
            "answers": layer_filter.patches_by_answer(),
            "cells": layer_filter.cells(),
            "equality": layer_matrix.equality(),
            "matrix": layer_matrix.shown(),
            "fields": layer_fields.fields(),
        }

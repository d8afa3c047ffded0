"""How large a convolution is, what one filter answers, and which matrix it is."""

import pandas as pd

from unstuck.study.analyses.base import AnalysisBase, Context


class ConvolutionLayerAnalysis(AnalysisBase):
    """The project's convolutions against counts, scipy, torch and fully connected layers."""

    tables = (
        *("counts", "layers", "maps", "overlaps", "side", "filter", "answers", "cells"),
        *("equality", "matrix", "fields", "energy"),
    )

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Count, slide and multiply.

        Returns
        -------
        counts
            One row a quantity: its count by the project's own layers, what it must be, and whether
            these differ (`wrong`). Parts: `notes`, `more` and `torch`.
        layers
            One row a layer of the notes' image (full, local, shared): weights, biases and
            multiply-adds.
        maps
            One row a side of the image, kernel, stride and padding: the side of the map, that by
            windows placed one by one, and whether these differ.
        overlaps
            One row a kernel and stride: pixels that neighbouring windows share, k(k − stride) of
            them, and whether these differ.
        side
            One row a stride and padding: the side of the map of a large filter on the notes' image.
        filter
            One row a place of the 6×6 image's map (by the diagonal filter, and by its mirror image)
            or binary 3×3 patch: the answer, its difference from scipy's, whether it must be 3 (the
            largest there is), and whether it wrongly is or is not.
        answers
            One row an answer of the diagonal filter: how many of the 512 patches give it.
        cells
            One row a pixel of the image, entry of the filter, or place of the map: the value.
        equality
            One row a case (places, kernel, stride, padding) and quantity: the largest relative
            difference of a sliding filter from a fully connected layer with zeros and tied weights
            (outputs, gradients by input, weight and bias), of the layer without sharing from one
            with free weights, and of the outputs from `torch`; the largest answer to a pixel where
            the matrix has a zero (`zeros`); and the share of shared weights whose places ask for
            different changes (`untied`).
        matrix
            One row an entry of that layer's matrix on a small image: the weight that stands there,
            −1 for a zero.
        fields
            One row a depth and seed: smallest and largest side of the field of stacked 3×3 layers,
            2 · depth + 1 of theory, and the side of an even field with its spread of gradients.
        energy
            One row a depth and pixel: the share of the squared gradient there.
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
            "side": layer_counts.sides(),
            "filter": layer_filter.answers_by_place_and_patch(),
            "answers": layer_filter.patches_by_answer(),
            "cells": layer_filter.cells(),
            "equality": layer_matrix.equality(),
            "matrix": layer_matrix.shown(),
            "fields": layer_fields.fields(),
            "energy": layer_fields.energy(),
        }

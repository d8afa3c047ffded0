"""Sharpness measures, and the rescaling of Dinh et al. 2017."""

import numpy as np
import pytest
import torch

from unstuck.curvature.objective import Surface
from unstuck.curvature.spectra.sharpness import (
    largest_output_change,
    rescale_relu,
    sam_sharpness,
)
from unstuck.curvature.spectra.spectrum import spectrum
from unstuck.errors import CurvatureError


@pytest.mark.parametrize("layer", [1, 2, 3])
@pytest.mark.parametrize("factor", [0.1, 7.0])
def test_rescaling_keeps_the_function_and_moves_the_spectrum(build, layer, factor):
    problem = build(activation="relu")
    moved = rescale_relu(problem, layer=layer, factor=factor)
    assert largest_output_change(problem, moved) < 1e-13
    assert moved.value() == pytest.approx(problem.value(), rel=1e-13)
    ratio = spectrum(moved).lambda_max / spectrum(problem).lambda_max
    assert abs(np.log(ratio)) > 0.5


def test_rescaling_needs_relu(build):
    with pytest.raises(CurvatureError, match="dense, tanh, batchnorm off"):
        rescale_relu(build(), layer=1, factor=2.0)
    with pytest.raises(CurvatureError, match="layer is 4"):
        rescale_relu(build(activation="relu"), layer=4, factor=2.0)
    with pytest.raises(CurvatureError, match="factor -1"):
        rescale_relu(build(activation="relu"), layer=1, factor=-1.0)


def test_sam_of_a_bowl():
    """For |theta|^2 / 2 at distance d the worst point at radius r is at d + r."""
    bowl = Surface(
        function=lambda t: 0.5 * t @ t, theta=torch.tensor([3.0, 4.0], dtype=torch.float64)
    )
    assert sam_sharpness(bowl, radius=0.5) == pytest.approx(0.5 * (5.5**2 - 5**2), rel=1e-14)
    assert sam_sharpness(bowl.at(torch.zeros(2, dtype=torch.float64)), radius=0.5) == 0
    with pytest.raises(CurvatureError, match="radius is 0"):
        sam_sharpness(bowl, radius=0)

"""What a network's description refuses, and that it needs no torch."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from unstuck.population.spec import NetworkSpec


def test_spec_is_read_without_torch():
    code = "import sys, unstuck.population.spec; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "conv3d"},
        {"hidden": (0,)},
        {"batchnorm": "both"},
        {"batchnorm_momentum": 1.5},
        {"init_scale": 0.0},
        {"padding": -1},
        {"widths": (3,)},
    ],
    ids=str,
)
def test_wrong_values_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        NetworkSpec(**wrong)


def test_same_padding_needs_an_odd_kernel():
    with pytest.raises(ValidationError, match="odd kernel, not 4"):
        NetworkSpec(kind="conv2d", kernel=4)
    assert NetworkSpec(kind="conv2d", kernel=4, padding=1).margin == 1
    assert NetworkSpec(kind="conv2d", kernel=5).margin == 2

"""Matrix products against torch.matmul, and the alignment that they must not depend on."""

import itertools

import pytest
import torch

from unstuck.population.products import product

SIZES = (1, 2, 3, 5, 8, 10, 16, 33, 64)


def stored(tensor, by_columns, gap):
    """Copy `[K, r, c]` into rows or columns, `gap` elements apart between members."""
    inner = tensor.mT if by_columns else tensor
    K, r, c = inner.shape
    memory = torch.zeros(K * (r * c + gap) + gap, dtype=tensor.dtype)
    view = torch.as_strided(memory, (K, r, c), (r * c + gap, c, 1), gap).copy_(inner)
    return view.mT if by_columns else view


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("b_by_columns", [False, True])
@pytest.mark.parametrize("a_by_columns", [False, True])
@pytest.mark.parametrize("m", SIZES)
def test_bits_do_not_depend_on_the_place_in_memory(m, a_by_columns, b_by_columns, dtype):
    generator = torch.Generator().manual_seed(3)
    members = 3
    for k, n in itertools.product((*SIZES, 784), SIZES):
        a, b, bias = (
            torch.randn(members, *shape, generator=generator, dtype=dtype)
            for shape in ((m, k), (k, n), (n,))
        )
        whole = product(stored(a, a_by_columns, 0), stored(b, b_by_columns, 0), bias)
        for gap in (1, 2):
            left, right = stored(a, a_by_columns, gap), stored(b, b_by_columns, gap)
            assert torch.equal(product(left, right, bias), whole)
        for i in range(members):
            one = slice(i, i + 1)
            left, right = stored(a[one], a_by_columns, 0), stored(b[one], b_by_columns, 0)
            assert torch.equal(product(left, right, bias[one].clone()), whole[one])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_products_are_those_of_matmul(dtype):
    generator = torch.Generator().manual_seed(4)
    tolerance = 64 * torch.finfo(dtype).eps
    for m, k, n, by_columns in itertools.product(SIZES, SIZES, SIZES, (False, True)):
        a, b, bias = (
            torch.randn(2, *shape, generator=generator, dtype=torch.float64)
            for shape in ((m, k), (k, n), (n,))
        )
        left, right = stored(a.to(dtype), by_columns, 1), stored(b.to(dtype), not by_columns, 2)
        scale = (a.abs() @ b.abs()).max() + bias.abs().max()
        for got, expected in (
            (product(left, right), a @ b),
            (product(left, right, bias.to(dtype)), a @ b + bias[:, None]),
        ):
            assert (got - expected).abs().max() < tolerance * scale

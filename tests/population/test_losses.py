"""Losses against torch.nn.functional and autograd."""

import pytest
import torch
from torch.nn import functional

from unstuck.population.losses import LOSSES


def one_hot_error(z, y):
    return 0.5 * (z - functional.one_hot(y, z.shape[1])).square().sum(1)


REFERENCES = {
    "cross_entropy": lambda z, y: functional.cross_entropy(z, y, reduction="none"),
    "squared_error": one_hot_error,
    "softmax_squared_error": lambda z, y: one_hot_error(z.softmax(1), y),
    "class_number": lambda z, y: 0.5 * (z[:, 0] - y).square(),
}


def test_every_loss_has_a_reference():
    assert set(REFERENCES) == set(LOSSES)


@pytest.mark.parametrize("by_columns", [False, True])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 300.0])
@pytest.mark.parametrize("name", LOSSES)
def test_value_and_gradient(name, scale, by_columns):
    generator = torch.Generator().manual_seed(0)
    K, B, C = 3, 17, LOSSES[name].output_count(6)
    outputs = scale * torch.randn(K, B, C, generator=generator, dtype=torch.float64)
    if by_columns:
        outputs = outputs.mT.contiguous().mT
    y = torch.randint(6, (K, B), generator=generator)
    outputs.requires_grad_()
    expected = REFERENCES[name](
        outputs.view(K * B, C) if not by_columns else outputs.reshape(K * B, C), y.flatten()
    ).view(K, B)
    (gradient,) = torch.autograd.grad(expected.mean(1).sum(), outputs)
    value, own = LOSSES[name].value_and_gradient(outputs.detach(), y)
    torch.testing.assert_close(value, expected.detach(), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(LOSSES[name].value(outputs, y), expected, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(own, gradient, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_correct_counts_the_first_largest_output(dtype):
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randint(-3, 4, (4, 500, 5), generator=generator).to(dtype)  # many ties
    y = torch.randint(5, (4, 500), generator=generator)
    for scale in (1.0, 1e-30, 1e30):
        for stored in (outputs * scale, (outputs * scale).mT.contiguous().mT):
            got = LOSSES["cross_entropy"].correct(stored, y, 5)
            assert torch.equal(got, (outputs.argmax(2) == y).sum(1))


def test_outputs_that_are_not_numbers_are_never_correct():
    outputs = torch.zeros(1, 3, 4)
    outputs[0, 0] = torch.nan
    outputs[0, 1, 2] = torch.nan
    y = torch.zeros(1, 3, dtype=torch.int64)
    assert LOSSES["cross_entropy"].correct(outputs, y, 4).item() == 1


def test_the_nearest_class_number_is_the_answer_and_the_outermost_reach_on():
    outputs = torch.tensor([[-7.0, 0.4, 0.6, 2.2, 4.6, 99.0, torch.nan]]).unsqueeze(2)
    given = torch.tensor([[0, 0, 1, 2, 5, 5, 0]])
    assert LOSSES["class_number"].correct(outputs, given, 6).item() == 6
    for wrong in (given - 1, given + 1):
        assert LOSSES["class_number"].correct(outputs, wrong, 6).item() == 0

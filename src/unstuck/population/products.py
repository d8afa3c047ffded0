"""Matrix products of stacked networks whose bits do not depend on where a member lies in memory.

MKL picks kernels by the alignment of a matrix, and a member's matrices lie anywhere in the flat
buffers. Trials over shapes, alignments and storage orders (tests/population/test_products.py keeps
them) show which products are immune: those of more than one column whose right factor is stored by
rows and whose result is a whole number of 16-byte blocks; in float32 also those of more than one
row whose factors are both stored by columns. Everything else is brought to one of these.

MKL also fills whole vectors only along the columns of the result, so in float32 a result narrower
than two vectors is computed as its transpose: fourfold faster for the ten classes of digits. In
float64, where the factors would have to be copied, that gains nothing.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

NARROW = 16
"""Columns below which a result is computed, and stored, as its transpose."""

BLOCK = 4
"""Elements to a multiple of which a member's result is padded: 16 bytes in float32."""


def product(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `a b` or `a b + bias` for `a` `[K, m, k]`, `b` `[K, k, n]`, `bias` `[K, n]`.

    The result `[K, m, n]` is a transposed view where that is how it was computed.
    """
    m, n = a.shape[1], b.shape[2]
    if n == 1:
        dot = (a * b.mT).sum(2, keepdim=True)
        return dot if bias is None else dot + bias.unsqueeze(1)
    if a.shape[2] == 1:
        # one product an element, which some kernels fuse with the bias for a single member only
        outer = a * b
        return outer if bias is None else outer + bias.unsqueeze(1)
    if m == 1:
        # a single row is stored by rows and by columns alike: let it always pass for the former
        a = a.squeeze(1).unsqueeze(1)
    if n < min(m, NARROW) and a.dtype == torch.float32:
        return _steady(b.mT, a.mT, None if bias is None else bias.unsqueeze(2)).mT
    return _steady(a, b, None if bias is None else bias.unsqueeze(1))


def _steady(a: Tensor, b: Tensor, bias: Tensor | None) -> Tensor:
    """Return `a b + bias` for more than one column, by a kernel that ignores alignment."""
    rows = a.shape[1]
    a_by_columns, b_by_columns = rows > 1 and a.stride(2) != 1, b.stride(2) != 1
    immune = a_by_columns and b_by_columns and a.dtype == torch.float32
    if b_by_columns and not immune:
        b = b.contiguous()
    if immune or rows * b.shape[2] % BLOCK == 0:
        return torch.bmm(a, b) if bias is None else torch.baddbmm(bias, a, b)
    missing = -rows % BLOCK
    padded = pad(a.mT, (0, missing)).mT if a_by_columns else pad(a, (0, 0, 0, missing))
    result = torch.bmm(padded, b)[:, :rows]
    return result if bias is None else result + bias


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return `x W + b` of rows `x` `[K or 1, R, in]`; `W` `[K, in, out]`, `b` `[K, out]`."""
    return product(_each(x, weight.shape[0]), weight, bias)


def affine_gradients(upstream: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients by `W` `[K, in, out]` and `b` `[K, out]`; `upstream` `[K, R, out]`."""
    if upstream.shape[1] == 1:
        return x.mT * upstream, upstream.squeeze(1)
    return product(_each(x, upstream.shape[0]).mT, upstream), upstream.sum(1)


def affine_input_gradient(upstream: Tensor, weight: Tensor) -> Tensor:
    """Return the gradient by the rows `x` `[K, R, in]`."""
    if upstream.shape[1] == 1:
        return (weight * upstream).sum(2).unsqueeze(1)
    return product(upstream, weight.mT)


def _each(x: Tensor, members: int) -> Tensor:
    return x if x.shape[0] == members else x.expand(members, -1, -1)

"""The peer: the same population trained by JAX, `vmap` over members, `scan` over updates, `jit`.

Runs in an environment of its own, which has no torch, and answers on a pipe: for every line
`{"members": K, "batch_size": B, "epochs": E}` on its input, one line with the processor seconds of
one run, compilation left out. So the parent decides when each repeat runs, next to its own.

    python benchmarks/jax_peer.py < requests
"""

import json
import os
import sys
import time
from collections.abc import Callable
from functools import cache, partial

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

import itertools

import jax
import jax.numpy as jnp
import numpy as np

WIDTHS = (64, 32, 16, 10)
SAMPLES = 1024
RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


def loss(parameters, x, y):
    """Mean cross-entropy of one member's batch."""
    *hidden, (weight, bias) = parameters
    for inner, offset in hidden:
        x = jnp.tanh(x @ inner + offset)
    logarithm = jax.nn.log_softmax(x @ weight + bias)
    return -jnp.take_along_axis(logarithm, y[:, None], 1).mean()


def adam(parameters, gradient, m, s, t):
    """One update of Adam of one member."""
    m = jax.tree.map(lambda old, new: BETA1 * old + (1 - BETA1) * new, m, gradient)
    s = jax.tree.map(lambda old, new: BETA2 * old + (1 - BETA2) * new**2, s, gradient)
    scale, root = RATE / (1 - BETA1**t), (1 - BETA2**t) ** -0.5
    step = jax.tree.map(lambda a, b: scale * a / (root * jnp.sqrt(b) + EPSILON), m, s)
    return jax.tree.map(jnp.subtract, parameters, step), m, s


@partial(jax.jit, donate_argnums=0)
def train(state, x, y, batches):
    """Make one update of every member for each row of `batches` `[T, K, B]`."""

    def member(parameters, m, s, t, indices):
        gradient = jax.grad(loss)(parameters, x[indices], y[indices])
        return adam(parameters, gradient, m, s, t)

    def update(state, indices):
        *tensors, t = state
        t = t + 1
        return (*jax.vmap(member, (0, 0, 0, None, 0))(*tensors, t, indices), t), None

    return jax.lax.scan(update, state, batches)[0]


@cache
def prepare(members: int, batch_size: int, epochs: int) -> Callable[[], float]:
    """Compile one case and return a function that runs it once and gives its seconds."""
    generator = np.random.default_rng(0)
    x = jnp.asarray(generator.normal(size=(SAMPLES, WIDTHS[0])), jnp.float32)
    y = jnp.asarray(generator.integers(WIDTHS[-1], size=SAMPLES))
    parameters = [
        (
            jnp.asarray(generator.normal(size=(members, i, o)) * (2 / (i + o)) ** 0.5, jnp.float32),
            jnp.zeros((members, o)),
        )
        for i, o in itertools.pairwise(WIDTHS)
    ]

    def run() -> float:
        fresh = jax.tree.map(jnp.array, parameters)
        zeros = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)]
        jax.block_until_ready((fresh, zeros))
        start = time.process_time()
        order = np.stack([generator.permutation(SAMPLES) for _ in range(members * epochs)])
        batches = order.reshape(members, -1, batch_size).swapaxes(0, 1)
        state = train((fresh, *zeros, jnp.zeros(())), x, y, jnp.asarray(batches))
        jax.block_until_ready(state)
        return time.process_time() - start

    run()
    return run


if __name__ == "__main__":
    for line in sys.stdin:
        print(prepare(**json.loads(line))(), flush=True)

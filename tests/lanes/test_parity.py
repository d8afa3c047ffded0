"""The kernel in float64 against the torch population, which is held against autograd and torch.nn.

And its update rule against torch.optim, which knows nothing of either.
"""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from unstuck.lanes.library import load
from unstuck.lanes.members import Members, Samples, Updates
from unstuck.optim.coefficients import OPTIMIZERS, optimizer
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec
from unstuck.training.engines.lanes import describe, features_last, parts_of

MEMBERS, SAMPLES = 5, 71  # two registers of four lanes; blocks of 32, 32 and 7 samples
SHAPES = {
    "dense": (1, 6, 5),
    "conv1d": (2, 11),
    "conv2d": (2, 7, 6),
    "local1d": (2, 11),
    "local2d": (2, 7, 6),
}
LOSSES = ("cross_entropy", "squared_error", "softmax_squared_error", "class_number")
SPECS = [
    NetworkSpec(kind=kind, hidden=(6, 5), activation=activation, batchnorm=batchnorm)
    for kind, (activation, batchnorm) in itertools.product(
        SHAPES, (("tanh", "off"), ("relu", "before"), ("sigmoid", "after"))
    )
] + [
    NetworkSpec(hidden=()),
    NetworkSpec(hidden=(1, 3)),
    NetworkSpec(hidden=(151, 40)),  # of which parts are copied
    NetworkSpec(kind="conv1d", hidden=(17, 4), stride=2, padding=0, pool="flatten"),
    NetworkSpec(kind="conv2d", hidden=(4, 9), stride=2, padding=2, kernel=4, pool="flatten"),
    NetworkSpec(kind="local2d", hidden=(4,), stride=3, padding=1, kernel=2, pool="flatten"),
    NetworkSpec(kind="conv2d", hidden=(4,), kernel=5, padding=3, stride=3),
]


def label(spec: NetworkSpec) -> str:
    return f"{spec.kind}-{spec.hidden}-{spec.activation}-{spec.batchnorm}-{spec.pool}"


class Case:
    """Members of a network off their initial values, in both engines, and samples."""

    def __init__(self, spec: NetworkSpec, loss: str = "cross_entropy", block: int = 32) -> None:
        random = np.random.default_rng(7)
        shape = SHAPES[spec.kind]
        self.network, self.loss = Network(spec, shape, 10, loss), loss
        theta = np.stack([self.network.initial(k).numpy() for k in range(MEMBERS)])
        self.theta = theta + 0.1 * random.normal(size=theta.shape)
        buffers = self.network.initial_buffers().numpy() + np.zeros((MEMBERS, 1))
        self.buffers = buffers + random.random(buffers.shape)
        self.x = random.normal(size=(2 * SAMPLES, *shape))
        self.y = random.integers(0, 10, 2 * SAMPLES)
        self.first = random.integers(0, SAMPLES, MEMBERS)  # every member has samples of its own
        description = replace(describe(self.network, loss), block=block)
        self.members = Members(description, MEMBERS, load(double=True))
        self.members.put(theta=self.theta, buffers=self.buffers)
        x = features_last(self.x, self.network)
        self.samples = Samples.of(x, self.y, self.first, SAMPLES)

    def own(self, rows=slice(None)):
        """Samples and classes of each member, as the torch population takes them."""
        each = [np.arange(first, first + SAMPLES)[rows] for first in self.first]
        return torch.from_numpy(self.x[each]), torch.from_numpy(self.y[each])


@pytest.mark.parametrize("spec", SPECS, ids=label)
def test_losses_and_gradients_are_those_of_the_torch_population(spec):
    for loss in LOSSES:
        case = Case(spec, loss)
        theta, buffers = torch.from_numpy(case.theta), torch.from_numpy(case.buffers)
        value, correct, gradient, _ = case.network.loss_and_gradient(
            theta, *case.own(), loss, buffers, True
        )
        l2 = np.array([0, 0.01, 0.1, 1, 10])
        norm, mean, share = case.members.gradient_norm(case.samples, l2)
        np.testing.assert_allclose(mean, value, rtol=1e-12)
        np.testing.assert_array_equal(np.round(share * SAMPLES), correct)
        scale = float(gradient.abs().max())
        got = case.members.gradient(case.samples)
        np.testing.assert_allclose(got, gradient, rtol=1e-9, atol=1e-13 * scale)
        whole = gradient + torch.from_numpy(l2)[:, None] * theta
        np.testing.assert_allclose(norm, whole.norm(dim=1), rtol=1e-11)
        np.testing.assert_array_equal(case.members.buffers, case.buffers)

        value, correct = case.network.loss_and_correct(theta, *case.own(), loss, buffers, False)
        mean, share = case.members.evaluate(case.samples)
        np.testing.assert_allclose(mean, value, rtol=1e-12)
        np.testing.assert_array_equal(np.round(share * SAMPLES), correct)


@pytest.mark.parametrize("batchnorm", ["off", "after"])
def test_blocks_of_fewer_samples_give_the_same_gradient_to_rounding(batchnorm):
    spec = NetworkSpec(kind="conv2d", hidden=(6, 5), batchnorm=batchnorm)
    few, many = (Case(spec, block=block) for block in (8, 32))
    gradient = many.members.gradient(many.samples)
    np.testing.assert_allclose(few.members.gradient(few.samples), gradient, rtol=1e-9, atol=1e-13)
    for got, expected in zip(
        few.members.evaluate(few.samples), many.members.evaluate(many.samples), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_batch_normalisation_may_take_every_third_sample_together():
    case = Case(NetworkSpec(kind="conv1d", hidden=(6, 5), batchnorm="before"))
    theta, buffers = torch.from_numpy(case.theta), torch.from_numpy(case.buffers)
    expected = 0
    for first in range(3):
        x, y = case.own(slice(first, None, 3))
        _, _, gradient, _ = case.network.loss_and_gradient(theta, x, y, case.loss, buffers, True)
        expected = expected + gradient * y.shape[1] / SAMPLES
    got = case.members.gradient(case.samples, strides=3)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("spec", SPECS, ids=label)
def test_batches_move_parameters_and_statistics_as_in_torch(spec):
    case = Case(spec)
    random = np.random.default_rng(3)
    sizes, rate = np.array([43, 1, 7]), 0.1
    orders = np.stack([random.permutation(SAMPLES)[:51] for _ in range(MEMBERS)]).astype(np.int32)
    terms = np.array([[OPTIMIZERS["sgd"].terms(t) for t in (1, 2, 3)]])
    members = np.arange(MEMBERS)
    got = case.members.train(
        case.samples,
        Updates(sizes, orders, members, terms, members * 0, members * 0, np.full((3, 5), rate)),
    )
    theta, buffers = torch.from_numpy(case.theta), torch.from_numpy(case.buffers)
    for update, rows in enumerate((slice(0, 43), slice(43, 44), slice(44, 51))):
        each = case.first[:, None] + orders[:, rows]
        x, y = torch.from_numpy(case.x[each]), torch.from_numpy(case.y[each])
        value, _, gradient, buffers = case.network.loss_and_gradient(
            theta, x, y, case.loss, buffers, True
        )
        np.testing.assert_allclose(got[update], value, rtol=1e-11)
        theta = theta - rate * gradient
    np.testing.assert_allclose(case.members.theta, theta, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(case.members.buffers, buffers, rtol=1e-11)


def test_noise_multiplies_and_shifts_what_batch_normalisation_gives_out():
    spec = NetworkSpec(kind="conv1d", hidden=(6, 5), batchnorm="after", batchnorm_noise=0.3)
    case = Case(spec)
    network, theta, buffers = case.network, case.theta, case.network.initial_buffers().numpy()
    buffers = torch.from_numpy(buffers + np.zeros((MEMBERS, 1)))
    case.members.put(buffers=buffers.numpy())
    network.disturb(buffers, range(MEMBERS), 4)
    places = [s for s in network.buffer_layout if "noise" in s.name]
    noise = np.concatenate([buffers[:, s.start : s.stop].numpy().T for s in places])
    _, _, gradient, moved = network.loss_and_gradient(
        torch.from_numpy(theta), *case.own(), case.loss, buffers, True
    )
    members = np.arange(MEMBERS)
    terms = np.array([[OPTIMIZERS["sgd"].terms(1)]])
    updates = Updates(
        np.array([SAMPLES]),
        None,
        members,
        terms,
        members * 0,
        members * 0,
        np.ones((1, 5)),
        noise[None],
    )
    case.members.train(case.samples, updates)
    np.testing.assert_allclose(case.members.theta, theta - gradient.numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(case.members.buffers, moved, rtol=1e-11)


ROWS = {
    **OPTIMIZERS,
    "sgd with L2": optimizer("sgd", weight_decay=0.1),
    "sgd with decoupled decay": optimizer("sgd", weight_decay=0.1, decoupled_decay=True),
    "dampened momentum": optimizer("momentum", dampening=0.3, weight_decay=0.01),
    "nesterov with L2": optimizer("nesterov", weight_decay=0.01),
    "rmsprop with momentum": optimizer("rmsprop", momentum=0.8, weight_decay=0.01),
    "corrected rmsprop with momentum": optimizer("rmsprop", momentum=0.8, bias_correction=True),
    "adagrad with nesterov": optimizer("adagrad", momentum=0.5, nesterov=True),
    "adam with L2": optimizer("adam", weight_decay=0.01),
}
TORCH = {
    "sgd": lambda p: torch.optim.SGD(p, 0.01),
    "momentum": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9, nesterov=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, 0.01),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.01),
    "adam": lambda p: torch.optim.Adam(p, 0.01),
    "adamw": lambda p: torch.optim.AdamW(p, 0.01),
    "radam": lambda p: torch.optim.RAdam(p, 0.01),
    "sgd with L2": lambda p: torch.optim.SGD(p, 0.01, weight_decay=0.1),
    "dampened momentum": lambda p: torch.optim.SGD(
        p, 0.01, momentum=0.9, dampening=0.3, weight_decay=0.01
    ),
    "nesterov with L2": lambda p: torch.optim.SGD(
        p, 0.01, momentum=0.9, nesterov=True, weight_decay=0.01
    ),
    "rmsprop with momentum": lambda p: torch.optim.RMSprop(
        p, 0.01, momentum=0.8, weight_decay=0.01
    ),
    "adam with L2": lambda p: torch.optim.Adam(p, 0.01, weight_decay=0.01),
}


def test_every_optimizer_side_by_side_follows_torch_optim():
    """Members with rules of their own in one register, so that each also sees idle parts."""
    updates, batch, rate = 60, 8, 0.01
    network = Network(NetworkSpec(hidden=(6,)), (5,), 3)
    random = np.random.default_rng(0)
    x, y = random.normal(size=(SAMPLES, 5)), random.integers(0, 3, SAMPLES)
    order = random.integers(0, SAMPLES, updates * batch).astype(np.int32)
    rows = [ROWS[name] for name in TORCH]
    K = len(rows)
    members = Members(describe(network, "cross_entropy"), K, load(double=True))
    start = np.stack([network.initial(k).numpy() for k in range(K)])
    members.put(theta=start)
    members.train(
        Samples.of(x, y, np.zeros(K, dtype=np.int64), SAMPLES),
        Updates(
            np.full(updates, batch),
            order[None],
            np.zeros(K, dtype=np.int64),
            np.array([[row.terms(t) for t in range(1, updates + 1)] for row in rows]),
            np.arange(K),
            np.array([parts_of(row) for row in rows]),
            np.full((updates, K), rate),
        ),
    )
    for k, name in enumerate(TORCH):
        module = torch.nn.Sequential(
            torch.nn.Linear(5, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3)
        ).double()
        with torch.no_grad():
            for parameter, slot in zip(module.parameters(), network.layout, strict=True):
                value = torch.from_numpy(start[k, slot.start : slot.stop]).view(slot.shape)
                parameter.copy_(value.T if value.dim() == 2 else value)
        rule = TORCH[name](module.parameters())
        for chosen in order.reshape(updates, batch):
            rule.zero_grad()
            outputs = module(torch.from_numpy(x[chosen]))
            torch.nn.functional.cross_entropy(outputs, torch.from_numpy(y[chosen])).backward()
            rule.step()
        end = np.concatenate([p.detach().numpy().T.ravel() for p in module.parameters()])
        np.testing.assert_allclose(members.theta[k], end, rtol=1e-9, atol=1e-11, err_msg=name)

"""Claim 1.2.2 on made-up variances, and its analysis against gradients by autograd."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.data.dataset import Dataset, Split
from unstuck.errors import ConfigError
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.kinds import parse_analysis

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["1.2.2"]
N = 256


def made_up(slope=-1.0, scale=1.0, full=0.0, sorted_slope=-0.5):
    """Variances of batches that follow σ² B^slope, the factor of drawing without replacement on."""
    rows = []
    rng = np.random.default_rng([0, 8202])
    for dataset in ("digits", "mnist1d"):
        for updates in (0, 1000):
            for seed in range(3):
                for size in (1, 4, 16, 64, N):
                    for draw in ("reshuffled", "replaced", "sorted"):
                        own = {"reshuffled": slope, "replaced": -1.0, "sorted": sorted_slope}[draw]
                        factor = scale if draw == "reshuffled" else 1.0
                        value = 4.0 * factor * size**own * np.exp(rng.normal(0, 0.01))
                        if draw != "replaced":
                            value *= (N - size) / (N - 1)
                        if size == N and draw == "reshuffled":
                            value = full
                        rows.append(
                            {
                                "dataset": dataset,
                                "updates": updates,
                                "seed": seed,
                                "samples": N,
                                "draw": draw,
                                "batch_size": size,
                                "variance": value,
                                "bias": 1e-16,
                                "single_variance": 4.0,
                                "gradient_norm": 0.5,
                            }
                        )
    return pd.DataFrame(rows)


def verdict(table):
    return decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, {"variance": table})]).claims.iloc[0]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "supported"),
        ({"slope": -0.9}, "contradicted"),
        ({"slope": -1.1}, "contradicted"),
        ({"scale": 1.2}, "contradicted"),
        ({"full": 1e-10}, "contradicted"),
        ({"sorted_slope": -1.0}, "invalid"),
    ],
)
def test_only_the_law_passes(options, expected):
    assert verdict(made_up(**options)).verdict == expected


def test_a_variance_that_vanishes_with_replacement_fails_the_control():
    table = made_up()
    table.loc[(table["draw"] == "replaced") & (table["batch_size"] == N), "variance"] = 0.0
    found = verdict(table)
    assert found.verdict == "invalid"
    assert "with replacement" in found.reason


def test_numbers_give_the_noise_scale():
    numbers = evaluate(CLAIM, {"variance": made_up()}).numbers
    assert numbers["noise_scale_digits_0"] == pytest.approx(16.0)


@pytest.fixture(scope="module")
def context():
    rng = np.random.default_rng([0, 8203])
    y = rng.integers(3, size=96)
    x = (rng.standard_normal((3, 5))[y] + rng.standard_normal((96, 5))).astype(np.float32)
    parts = [x[:64], y[:64], x[64:80], y[64:80], x[80:], y[80:]]
    data = Dataset.of({0: Split(*parts, classes=3)}, {"splits": "one"})
    return Context(
        datasets={"blobs": data}, inputs={}, device="cpu", threads=1, progress=lambda text: None
    )


GIVEN = {
    "kind": "gradient_noise",
    "datasets": ["blobs"],
    "network": {"hidden": [4]},
    "points": [0, 20],
    "train_batch_size": 16,
    "batch_sizes": [1, 4, 16, 32],
    "batches": 400,
    "seeds": 2,
}


@pytest.fixture(scope="module")
def table(context):
    return parse_analysis(GIVEN).run(context)["variance"]


def test_single_samples_scatter_as_autograd_says(context, table):
    data = context.datasets["blobs"]
    from unstuck.population.network import Network
    from unstuck.population.spec import NetworkSpec

    theta = Network(NetworkSpec(hidden=(4,)), (5,), 3).initial(1)
    sizes = [20, 4, 12, 3]
    gradients = []
    for x, y in zip(data.tensors["x_train"], data.tensors["y_train"], strict=True):
        point = theta.clone().requires_grad_()
        first, bias, second, last = torch.split(point, sizes)
        hidden = torch.tanh(torch.from_numpy(x).double() @ first.view(5, 4) + bias)
        outputs = hidden @ second.view(4, 3) + last
        loss = torch.nn.functional.cross_entropy(outputs, torch.tensor(y))
        gradients.append(torch.autograd.grad(loss, point)[0])
    stacked = torch.stack(gradients)
    spread = float((stacked - stacked.mean(0)).square().sum(1).mean())
    row = table[(table["seed"] == 1) & (table["updates"] == 0)].iloc[0]
    assert row["single_variance"] == pytest.approx(spread, rel=1e-10)
    assert row["gradient_norm"] == pytest.approx(float(stacked.mean(0).norm()), rel=1e-10)


def test_the_variance_follows_the_law_within_the_error_of_so_many_batches(table):
    drawn = table[(table["draw"] == "reshuffled") & (table["batch_size"] < 64)]
    size, total = drawn["batch_size"], drawn["samples"]
    law = drawn["single_variance"] / size * (total - size) / (total - 1)
    assert (drawn["variance"] / law - 1).abs().max() < 0.15
    exact = drawn[drawn["batch_size"] == 1]
    assert exact["variance"].to_numpy() == pytest.approx(exact["single_variance"].to_numpy())


def test_full_batches_and_whole_epochs_have_no_noise(table):
    full = table[(table["batch_size"] == 64) & (table["draw"] == "reshuffled")]
    assert (full["variance"] / full["single_variance"]).max() < 1e-25
    assert table["bias"].max() < 1e-14


def test_batches_are_counted_in_whole_epochs(table):
    counts = table[table["draw"] == "reshuffled"].groupby("batch_size")["batches"].first()
    assert counts.to_dict() == {1: 448, 4: 400, 16: 400, 32: 400, 64: 1}


def test_training_lowers_the_loss(table):
    losses = table.groupby("updates")["loss"].mean()
    assert losses[20] < losses[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_sizes": [1, 3, 16]}, "3, which does not cut the 64"),
        ({"batch_sizes": [1, 4, 64]}, "64, which does not cut"),
        ({"network": {"hidden": [4], "batchnorm": "before"}}, "batchnorm must be off"),
    ],
)
def test_what_cannot_be_measured_is_refused(change, message, context):
    with pytest.raises(ConfigError, match=message):
        parse_analysis(GIVEN | change).run(context)

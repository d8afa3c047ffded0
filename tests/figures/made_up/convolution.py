"""Section 3.2: what its figures draw; some of its exact claims measure themselves."""

import numpy as np
import pandas as pd

from made_up.runs import run

GAPS = {"field and outgoing": 0.0, "field": 0.4, "outgoing": 0.7}


def pairs(cases: tuple[str, ...] = ("fully connected", "convolution", "local")) -> pd.DataFrame:
    """Pairs of neurons that part unless they are twins."""
    rng = np.random.default_rng([3])
    return pd.DataFrame(
        [
            {
                "case": case,
                "dataset": "digits",
                "pair": pair,
                "optimizer": optimizer,
                "dtype": dtype,
                "seed": seed,
                "update": update,
                "weight_gap": gap * update / 16 * rng.uniform(0.5, 1.5),
                "output_gap": gap * (0.9 if pair == "outgoing" else update / 16),
                "merging_gap": np.nan if pair == "outgoing" else gap * update / 16,
                "loss": 2.3 - 0.01 * update,
            }
            for case in cases
            for pair, gap in GAPS.items()
            for optimizer in ("momentum", "adam")
            for dtype in ("float32", "float64")
            for seed in range(3)
            for update in (0, 1, 4, 16)
        ]
    )


ARCHITECTURES = ("conv2d", "local2d", "dense")


def halves_runs(gain: float = 50.0, datasets: tuple[str, ...] = ("a_halves", "b_halves")):
    """Runs shown patterns in one half: pooled shared weights are better by `gain` in the other."""
    rng = np.random.default_rng([5])
    rows = []
    for dataset in datasets:
        for architecture in ARCHITECTURES:
            for pool in ("mean", "flatten") if architecture != "dense" else ("flatten",):
                for seed in range(10):
                    finds = architecture == "conv2d" and pool == "mean"
                    accuracy = 35 + (gain if finds else 0.0) + rng.normal(0, 0.5)
                    row = run(accuracy, dataset=dataset, architecture=architecture, pool=pool)
                    row |= {"seed": seed, "updates": 400, "epochs": 6.0, "parameters": 900}
                    row |= {"multiply_adds": 9000, "validation_accuracy": 0.9}
                    rows.append(row)
    return pd.DataFrame(rows)


def halves_places(runs: pd.DataFrame) -> pd.DataFrame:
    """The same runs, tested at places from that of training to the other half."""
    columns = ["dataset", "architecture", "pool", "seed", "test_accuracy"]
    parts = []
    for distance in (0, 4, 8):
        left = 0.9 - (0.9 - runs["test_accuracy"]) * distance / 8
        parts.append(runs[columns].assign(distance=distance, accuracy=left))
    return pd.concat(parts, ignore_index=True).drop(columns="test_accuracy")


TABLES = {
    "3.2.1": dict,
    "3.2.2": lambda: {"pairs": pairs()},
    "3.2.3": dict,
    "3.2.4": dict,
    "3.2.5": lambda: {"runs": halves_runs(), "places": halves_places(halves_runs())},
}

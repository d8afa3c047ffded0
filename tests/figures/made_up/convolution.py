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
                    row["run_id"] = f"{dataset}-{architecture}-{pool}-{seed}"
                    rows.append(row)
    return pd.DataFrame(rows)


def halves_curves(runs: pd.DataFrame) -> pd.DataFrame:
    """The same runs before their first update, when they guess, and after the last."""
    before = runs[["run_id"]].assign(update=0, validation_accuracy=0.1)
    after = runs[["run_id", "validation_accuracy"]].assign(update=400)
    return pd.concat([before, after], ignore_index=True)


def halves_places(runs: pd.DataFrame) -> pd.DataFrame:
    """The same runs, tested at places from that of training to the other half."""
    columns = ["dataset", "architecture", "pool", "seed", "test_accuracy"]
    parts = []
    for distance in (0, 4, 8):
        left = 0.9 - (0.9 - runs["test_accuracy"]) * distance / 8
        parts.append(runs[columns].assign(distance=distance, accuracy=left))
    return pd.concat(parts, ignore_index=True).drop(columns="test_accuracy")


def halves_tables(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """All that claim 3.2.5 reads."""
    return {"runs": runs, "curves": halves_curves(runs), "places": halves_places(runs)}


# architecture, parameters, multiply-adds
RIVALS = (
    ("conv2d", 2000, 9000),
    ("local2d", 2050, 1800),
    ("local2d", 8000, 9000),
    ("dense", 1980, 1900),
    ("dense", 9100, 9050),
)


def bias_runs(
    gain: float = 5.0,
    sizes: tuple[int, ...] = (64, 256, 1024),
    name: str = "small",
    column: str = "test_accuracy",
) -> pd.DataFrame:
    """Runs of shared weights and their rivals; `gain` points more for shared weights."""
    rng = np.random.default_rng([7, len(name)])
    rows = []
    for dataset in (f"a_{name}", f"b_{name}"):
        for architecture, parameters, multiply_adds in RIVALS:
            for samples in sizes:
                for seed in range(10):
                    row = run(60.0, dataset=dataset, architecture=architecture, subset=samples)
                    row |= {"seed": seed, "updates": 300, "epochs": 4800 / samples}
                    row |= {"parameters": parameters, "multiply_adds": multiply_adds}
                    more = gain if architecture == "conv2d" else 0.0
                    row[column] = (60 + more + rng.normal(0, 0.3)) / 100
                    rows.append(row)
    return pd.DataFrame(rows)


def bias_tables(natural: float = 5.0, permuted: float = 0.0, fit: float = -10.0):
    """Tables of claim 3.2.6, by how many points shared weights are better in each."""
    random = bias_runs(fit, (256,), "random", "train_accuracy").assign(test_accuracy=0.1)
    return {
        "natural": bias_runs(natural),
        "permuted": bias_runs(permuted, (1024,), "permuted"),
        "random": random,
        "filters": kernels(),
    }


def kernels() -> pd.DataFrame:
    """Filters of one run."""
    return pd.DataFrame(
        [
            {
                "run_id": "a",
                "seed": 0,
                "filter": number,
                "input": 0,
                "row": row,
                "column": column,
                "weight": (row - 1) * number + 0.1 * column,
            }
            for number in range(4)
            for row in range(3)
            for column in range(3)
        ]
    )


TABLES = {
    "3.2.1": dict,
    "3.2.2": lambda: {"pairs": pairs()},
    "3.2.3": dict,
    "3.2.4": dict,
    "3.2.6": bias_tables,
    "3.2.5": lambda: halves_tables(halves_runs()),
}

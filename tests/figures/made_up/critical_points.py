"""Section 1.1: points and their spectra, made up."""

import itertools

import numpy as np
import pandas as pd

from made_up.runs import DATASETS


def spectra() -> pd.DataFrame:
    """Endpoints with spectra whose positive share falls with the loss."""
    rng = np.random.default_rng([3])
    rows = []
    for dataset, cell, seed in itertools.product(DATASETS, range(5), range(10)):
        loss = 10 ** rng.uniform(-4, -0.5)
        positive = int(20 - 4 * np.log10(loss))
        values = np.concatenate(
            [10 ** rng.uniform(-5, 0, positive), -(10 ** rng.uniform(-5, -2, 8))]
        )
        rows.append(
            {
                "run_id": f"{dataset}-{cell}-{seed}",
                "dataset": dataset,
                "cell": f"cell-{cell}",
                "seed": seed,
                "train_loss": loss,
                "gradient_norm": 1e-4,
                "eigenvalues": values,
                "network": "small",
                "activation": "tanh",
                "batchnorm": "off",
                "parameters": 80,
            }
        )
    return pd.DataFrame(rows)


def audit() -> pd.DataFrame:
    """Counts of the same endpoints by matrix, number format and tolerance."""
    matrices = ("hessian", "gauss_newton", "hessian by layer", "gauss_newton by layer")
    matrices += ("gauss_newton of 16 samples",)
    axes = (
        DATASETS,
        range(10),
        matrices,
        ("float32", "float64"),
        (0.0, 1e-12, 1e-8, 1e-6, 1e-4),
    )
    rows = []
    for dataset, seed, matrix, dtype, tolerance in itertools.product(*axes):
        rounding = tolerance < (1e-7 if dtype == "float32" else 1e-15)
        positive = 40 if rounding else 25 - (tolerance == 1e-4) * 8
        negative = 30 if rounding else 5 * matrix.startswith("hessian")
        rows.append(
            {
                "dataset": dataset,
                "seed": seed,
                "run_id": f"{dataset}-0-{seed}",
                "matrix": matrix,
                "dtype": dtype,
                "tolerance": tolerance,
                "positive": positive,
                "zero": 80 - positive - negative,
                "negative": negative,
            }
        )
    return pd.DataFrame(rows)


def expansions() -> dict[str, pd.DataFrame]:
    """Remainders of a quadratic with a cubic term, and of one with a jump of its slope."""
    radii = 10.0 ** np.arange(-10, 1)
    points, rows = [], []
    for point, slope in {"initial": 0.5, "endpoint": 0.1, "critical": 0.0, "kink": 0.5}.items():
        case = "ReLU" if point == "kink" else "tanh"
        points.append({"case": case, "point": point, "kind": "", "gradient_norm": slope})
        terms = [slope * radii, 2 * radii**2, 0.2 * radii**3]
        for (direction, shown), order in itertools.product(
            (("random 0", True), ("highest", False)), range(3)
        ):
            size = sum(terms[order:]) + 0.01 * radii * (point == "kink")
            label = {"case": case, "point": point, "direction": direction, "shown": shown}
            label |= {"order": order, "slope": slope, "curvature": 4.0}
            rows += [
                label | {"radius": radius, "remainder": each, "rounding": 1e-16 * radius}
                for radius, each in zip(radii, size, strict=True)
            ]
    return {"points": pd.DataFrame(points), "remainders": pd.DataFrame(rows)}


def probes() -> dict[str, pd.DataFrame]:
    """Random steps from a minimum, two saddles and a gutter."""
    rng = np.random.default_rng([4])
    spectra = {
        "minimum": (0.1, 1.0, 2.0),
        "ladder, 0 of 2 units": (-0.5, 0.2, 1.0),
        "ladder, 1 of 2 units": (-0.01, 1.0, 1.0),
        "gutter": (0.0, 0.5, 1.0),
    }
    points, rows = [], []
    for name, given in spectra.items():
        values = np.array(given)
        counts = {"negative": values < 0, "zero": values == 0, "positive": values > 0}
        point = {"point": name, "certain": True, "loss": 1.0, "gradient_norm": 0.0}
        point |= {key: int(mask.sum()) for key, mask in counts.items()}
        points.append(point | {"lambda_min": given[0], "lambda_max": given[-1], "radius": 1e-3})
        steps = rng.standard_normal((100, 3))
        steps /= np.linalg.norm(steps, axis=1, keepdims=True)
        walks = [("random", step) for step in steps]
        walks += [("lowest", np.eye(3)[0]), ("highest", np.eye(3)[2])]
        rows += [
            {"point": name, "direction": way, "change": 5e-7 * float(step**2 @ values)}
            for way, step in walks
        ]
    return {"points": pd.DataFrame(points), "probes": pd.DataFrame(rows)}


def ladder() -> dict[str, pd.DataFrame]:
    """Ladders of three units and ways off their saddles."""
    rng = np.random.default_rng([4])
    points, drops, times, curves = [], [], [], []
    for dataset, seed, rung in itertools.product(DATASETS, range(10), range(4)):
        row = {"dataset": f"{dataset}_pca8", "seed": seed, "width": 3, "rung": rung}
        loss = 2.3 - 0.5 * rung + rng.normal(0, 0.02)
        values = np.concatenate([-rng.uniform(0.1, 1, 8 * (3 - rung)), rng.uniform(0.1, 9, 40)])
        kind = "saddle" if rung < 3 else "minimum"
        found = {"loss": loss, "gradient_norm": 1e-16, "eigenvalues": np.sort(values)}
        points.append(row | found | {"converged": True, "kind": kind, "parameters": len(values)})
        if rung == 3:
            continue
        drops += [row | {"radius": r, "ratio": 1 - 3 * r**2} for r in (1e-3, 1e-2, 1e-1)]
        if seed:
            continue
        slope = 40.0 + 30 * rung
        for k in (2, 3, 4, 5, 0):
            updates = np.arange(int(6 * slope))
            left = np.clip(updates - k * slope, 0, None) if k else 0 * updates
            time = {"exponent": k, "updates": k * slope + 4 if k else np.nan, "observed": 500}
            times.append(row | time | {"farthest": float(k > 0), "predicted_slope": slope})
            losses = loss - 0.3 * left**2 / (slope**2 + left**2)
            curves += [
                row | {"exponent": k, "update": int(u), "loss": float(value)}
                for u, value in zip(updates, losses, strict=True)
            ]
    return {
        "points": pd.DataFrame(points),
        "drops": pd.DataFrame(drops),
        "times": pd.DataFrame(times),
        "curves": pd.DataFrame(curves),
    }


def found_points() -> dict[str, pd.DataFrame]:
    """Searches that find the fewer minima the wider the network, and random matrices."""
    rng = np.random.default_rng([5])
    rows = []
    axes = (DATASETS, ("random", "training"), (1, 2, 4), range(10), range(5))
    for dataset, start, width, seed, search in itertools.product(*axes):
        minimum = rng.random() < (0.6 if start == "training" else 0.3) / width
        row = {"dataset": f"{dataset}_pca2", "start": start, "width": width, "seed": seed}
        row |= {"parameters": 13 * width + 10, "converged": search < 4, "negative": 1 - minimum}
        row |= {"search": search, "path": [0.1, 0.05, 1e-3, 1e-16 if search < 4 else 1e-3]}
        rows.append(row | {"kind": "minimum" if minimum else "saddle", "loss": 1 + 0.1 * search})
    contrast = []
    for row in (row for row in rows if row["search"] == 0):
        caught = rng.random() < 0.3
        contrast.append(
            row
            | {"converged": not caught, "kind": "gradient-flat" if caught else "saddle"}
            | {"path": [0.1, 0.05, 0.02, 0.01, 0.01 if caught else 1e-16]}
        )
    shares = {1: 0.5, 2: 0.14645, 3: 0.02492, 4: 0.002457}
    matrices = [
        {"size": size, "seed": seed, "matrices": 10_000, "positive": round(10_000 * share)}
        for (size, share), seed in itertools.product(shares.items(), range(10))
    ]
    return {
        "searches": pd.DataFrame(rows),
        "contrast": pd.DataFrame(contrast),
        "matrices": pd.DataFrame(matrices),
        "ladder": ladder()["points"],
    }


def costs() -> dict[str, pd.DataFrame]:
    """Times and memory that follow power laws."""
    sizes = {
        "dense": (700, 1500, 6000),
        "spectrum": (700, 1000, 1500),
        "product": (700, 30_000, 1_000_000),
        "lanczos": (700, 1500, 50_000),
    }
    sizes["product again"] = sizes["product"]
    growth = {"dense": 2.0, "spectrum": 3.0, "lanczos": 1.0}
    rng = np.random.default_rng([6])
    times, memory = [], []
    for method, parameters in sizes.items():
        for size in parameters:
            power = growth.get(method, 1.0)
            row = {"method": method, "parameters": size}
            memory.append(row | {"tensors": 8 * size ** min(power, 2.0), "arrays": 1e3})
            seconds = 1e-6 * size**power / 700 ** (power - 1)
            times += [
                row | {"seed": seed, "seconds": seconds * rng.uniform(0.9, 1.2)}
                for seed in range(10)
            ]
    values = rng.standard_normal(6)
    return {
        "times": pd.DataFrame(times),
        "memory": pd.DataFrame(memory),
        "agreement": pd.DataFrame({"dense": values, "lanczos": values}),
    }


TABLES = {
    "1.1.1": expansions,
    "1.1.2": probes,
    "1.1.3": dict,
    "1.1.4": ladder,
    "1.1.5": found_points,
    "1.1.6": lambda: {"spectra": spectra(), "audit": audit(), "ladder": ladder()["points"]},
    "1.1.8": costs,
}

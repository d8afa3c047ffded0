"""Section 1.2: sharpness of runs that stopped at a training loss, made up."""

import numpy as np
import pandas as pd

from made_up.batch_momentum_generalisation import stopped_runs


def endpoints(dataset: str) -> pd.DataFrame:
    """Endpoints of the smallest and the full batch, the latter twice as sharp, and two rescaled."""
    rng = np.random.default_rng([127])
    runs = stopped_runs(dataset)
    runs = runs[runs["batch_size"] != 48].reset_index(drop=True)
    level = np.where(runs["batch_size"] == 512, 2.0, 1.0) * np.exp(rng.normal(0, 0.2, len(runs)))
    plain = runs.assign(
        run_id=[f"{index:016x}" for index in range(len(runs))],
        lambda_max=level,
        trace=10 * level,
        sam=0.01 * level,
        factor=1.0,
        output_change=0.0,
    )
    first = plain[plain["seed"] == 0]
    rescaled = [
        first.assign(factor=factor, lambda_max=50 * first["lambda_max"], output_change=1e-15)
        for factor in (0.1, 10.0)
    ]
    return pd.concat([plain, *rescaled], ignore_index=True)


TABLES = {"1.2.7": lambda: {"easy": endpoints("digits_half"), "hard": endpoints("mnist1d_half")}}

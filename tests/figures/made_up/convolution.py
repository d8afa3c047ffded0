"""Section 3.2: what its figures draw; some of its exact claims measure themselves."""

import numpy as np
import pandas as pd

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


TABLES = {
    "3.2.1": dict,
    "3.2.2": lambda: {"pairs": pairs()},
    "3.2.3": dict,
    "3.2.4": dict,
}

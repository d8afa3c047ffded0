"""Section 2.1: effective rates and curvatures of parameters, made up."""

import numpy as np
import pandas as pd

PLACES = {"bowl": 20, "turned bowl": 20, "digits": 10, "mnist1d": 10}
OPTIMIZERS = ("adagrad", "adam", "rmsprop")
LAYERS = ("linear1.weight", "head.weight", "head.bias")
SIZE = 60


def coordinates(strength: float = 0.8) -> pd.DataFrame:
    """Log rates that share this part with minus the log curvature; below 0, with plus."""
    rng = np.random.default_rng([5])
    frames = []
    for place, seeds in PLACES.items():
        for name in OPTIMIZERS:
            for seed in range(seeds):
                for block, layer in enumerate(LAYERS if seeds == 10 else ("",)):
                    bend, noise = rng.standard_normal((2, SIZE))
                    rest = np.sqrt(1 - strength**2) * noise
                    frames.append(
                        pd.DataFrame(
                            {
                                "place": place,
                                "optimizer": name,
                                "seed": seed,
                                "parameter": SIZE * block + np.arange(SIZE),
                                "layer": layer,
                                "rate": np.exp(-strength * bend + rest),
                                "curvature": 0.01 * np.exp(bend),
                            }
                        )
                    )
    return pd.concat(frames, ignore_index=True)


TABLES = {"2.1.5": lambda: {"coordinates": coordinates()}}

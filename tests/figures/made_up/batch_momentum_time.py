"""Section 1.2: times of updates, made up."""

import numpy as np
import pandas as pd

SIZES = (1, 4, 16, 64, 256, 1000, 4000, 16_000, 60_000)
# fixed seconds, and seconds per sample
COSTS = {"thread": (2e-4, 4e-6), "parallel": (3e-4, 2e-6)}


def update_times(
    costs: dict[str, tuple[float, float]] | None = None, repeats: int = 10, noise: float = 0.03
) -> pd.DataFrame:
    """Median times that follow a + bB, but for some noise."""
    rng = np.random.default_rng([5])
    rows = []
    for hardware, (fixed, slope) in (costs or COSTS).items():
        for repeat in range(repeats):
            for size, timing in [(each, "first") for each in SIZES] + [(1, "again")]:
                seconds = (fixed + slope * size) * np.exp(rng.normal(0, noise))
                rows.append(
                    {
                        "hardware": hardware,
                        "processor": "CPU",
                        "threads": 1 if hardware == "thread" else 2,
                        "repeat": repeat,
                        "batch_size": size,
                        "timing": timing,
                        "samples": 60_000,
                        "updates": 5,
                        "seconds": seconds,
                    }
                )
    return pd.DataFrame(rows)


TABLES = {name: lambda: {"times": update_times()} for name in ("1.2.3", "1.2.4")}

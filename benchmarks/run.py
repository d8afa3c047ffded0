"""Measure everything that is claimed about speed, and write results/benchmarks.csv.

    make bench                                    all rows
    python benchmarks/run.py --only 'lanes_*'     some rows; the others in the file stay
    python benchmarks/run.py --quick              small work, to see that it runs

A row that cannot be measured here says why in its note.
"""

import argparse
import fnmatch
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# threads and the allocator are settled before the first import of numpy or torch
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(8 * 2**30),
    "MALLOC_TRIM_THRESHOLD_": str(8 * 2**30),
    "MALLOC_TOP_PAD_": str(256 * 2**20),
}
COLUMNS = ("name", "ours_s", "reference_s", "ratio", "note")


def main(arguments: Sequence[str]) -> int:
    """Measure the rows that were asked for, writing the table after each."""
    import pandas as pd
    import torch

    import curvature
    import planning
    import population
    from timing import Effort, Row, UnavailableError
    from unstuck.errors import UnstuckError
    from unstuck.files import write_csv

    rows = {**population.ROWS, **planning.ROWS, **curvature.ROWS}
    parser = argparse.ArgumentParser(description="Measure speed; see benchmarks/README.md.")
    parser.add_argument("--only", nargs="+", metavar="PATTERN", help=", ".join(rows))
    parser.add_argument("--quick", action="store_true", help="small work, one repeat")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks.csv"))
    options = parser.parse_args(arguments)

    patterns = options.only or ["*"]
    chosen = [name for name in rows if any(fnmatch.fnmatch(name, each) for each in patterns)]
    if not chosen:
        parser.error(f"no row matches {' '.join(patterns)}; there are {', '.join(rows)}")

    torch.set_num_threads(1)
    effort = Effort(repeats=1 if options.quick else 5, quick=options.quick)
    known = _earlier(options.output)
    for name in chosen:
        try:
            row = rows[name](name, effort)
        except (ImportError, UnavailableError, UnstuckError) as error:
            row = Row(name, math.nan, math.nan, f"not measured: {error}")
        quick = "quick, not comparable; " if options.quick else ""
        known[name] = dict(
            zip(
                COLUMNS,
                (name, row.ours_s, row.reference_s, row.ratio, quick + row.note),
                strict=True,
            )
        )
        table = pd.DataFrame([known[each] for each in rows if each in known], columns=COLUMNS)
        write_csv(options.output, table)
        print(f"{name:30} {row.ours_s:10.5f} {row.reference_s:10.5f} {row.ratio:8.2f}  {row.note}")
    print(f"written to {options.output}")
    return 0


def _earlier(path: Path) -> dict[str, dict[str, object]]:
    """Return the rows of an earlier table by name."""
    import pandas as pd

    if not path.exists():
        return {}
    return {row["name"]: row for row in pd.read_csv(path).to_dict("records")}


if __name__ == "__main__":
    if any(os.environ.get(name) != value for name, value in ENVIRONMENT.items()):
        os.execve(sys.executable, [sys.executable, "-u", *sys.argv], {**os.environ, **ENVIRONMENT})
    sys.exit(main(sys.argv[1:]))

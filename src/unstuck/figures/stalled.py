"""Names of the ways in which runs that stalled were trained."""

RUNS = {
    "full": "full batches",
    "small": "small batches",
    "annealed": "annealed rate",
    "grid": "grid, annealed",
}

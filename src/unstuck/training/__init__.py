"""The training loop over a population, its measurements and its jobs."""

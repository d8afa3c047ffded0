"""Datasets: where they come from, how they are split and transformed."""

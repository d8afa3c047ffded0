"""The command ``unstuck``: what a study costs, whether it is right, and what became of it."""

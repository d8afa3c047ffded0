"""The analytic loss surfaces of the notes, with their critical points."""

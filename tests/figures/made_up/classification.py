"""Section 2.2: what its figures draw."""

TABLES = {"2.2.2": dict}

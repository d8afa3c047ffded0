"""Section 3.1: what its exact figures draw."""

TABLES = {"3.1.2": dict, "3.1.3": dict}

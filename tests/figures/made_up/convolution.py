"""Section 3.2: the exact claims measure themselves."""

TABLES = {"3.2.1": dict, "3.2.3": dict}

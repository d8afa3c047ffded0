"""Claim 2.2.3: it walks by itself."""

TABLES = {"2.2.3": dict}

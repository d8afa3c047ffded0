"""The registry of claims, and what each measures."""

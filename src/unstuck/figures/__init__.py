"""One figure a claim, drawn from its evidence."""

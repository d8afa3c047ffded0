"""One figure a claim: a kind, drawn from tables and from what was judged."""

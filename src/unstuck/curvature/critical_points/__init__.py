"""Critical points: found, certified, made, and left again."""

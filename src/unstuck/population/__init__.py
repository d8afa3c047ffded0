"""Networks trained side by side: every tensor has a leading axis of members."""

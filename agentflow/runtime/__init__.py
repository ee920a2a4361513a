"""One running session: what `run`, tests and flows share."""

"""[io] One module per verb: stages wired to the outside world."""

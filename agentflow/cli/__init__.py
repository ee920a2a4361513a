"""[io] The command line: flags in, one operation, a view out."""

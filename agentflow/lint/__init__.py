"""Rules about specs that compile, and the engine that runs them."""

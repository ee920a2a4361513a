"""Who plays the model."""

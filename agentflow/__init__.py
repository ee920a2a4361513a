"""Declare Claude Managed Agents in YAML; lint, plan, apply and run them."""

__all__ = ["__version__"]

__version__ = "0.1.0"

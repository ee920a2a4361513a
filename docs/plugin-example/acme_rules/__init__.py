"""Rules for the agents of Acme."""

from acme_rules.hosts import internal_host

__all__ = ["RULES"]

RULES = (internal_host,)

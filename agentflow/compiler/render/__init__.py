"""Specs to API payloads, one module per kind."""

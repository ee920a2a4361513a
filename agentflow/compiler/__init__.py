"""Specs in, manifest out: `load → resolve → validate → render → manifest`, one stage per module."""

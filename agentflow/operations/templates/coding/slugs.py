"""Titles as parts of addresses."""

import re


def slug(title: str) -> str:
    """`Hello, World!` -> `hello-world`."""
    return re.sub(r"[^a-z0-9]", "-", title.lower())

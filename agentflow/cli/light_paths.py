"""`pathlib` without `urllib.parse`, which up to Python 3.12 it imports for `Path.as_uri` alone.

That brings `ipaddress` too: together a thirtieth of a whole check of a project.
"""

from __future__ import annotations

import sys
from types import ModuleType

__all__ = ["load_pathlib"]

_URLS = "urllib.parse"


def load_pathlib() -> None:
    """Import `pathlib`, with a stand-in for `urllib.parse` that only lasts until it is loaded."""
    if sys.version_info >= (3, 13) or not sys.modules.keys().isdisjoint({"pathlib", _URLS}):
        return
    stand_in = ModuleType(_URLS)
    stand_in.__dict__["quote_from_bytes"] = _quote_from_bytes
    sys.modules[_URLS] = stand_in
    try:
        import pathlib  # noqa: F401
    finally:
        del sys.modules[_URLS]


def _quote_from_bytes(data: bytes) -> str:
    from urllib.parse import quote_from_bytes

    return quote_from_bytes(data)

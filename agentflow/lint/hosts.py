"""Hosts that belong to whoever wants one."""

from __future__ import annotations

import re

__all__ = ["is_of_anybody"]

_SHARED = (
    *("amazonaws.com", "appspot.com", "azurewebsites.net", "blob.core.windows.net"),
    *("cloudfront.net", "firebaseio.com", "fly.dev", "github.io", "githubusercontent.com"),
    *("herokuapp.com", "netlify.app", "ngrok-free.app", "ngrok.app", "ngrok.io", "onrender.com"),
    *("pages.dev", "r2.dev", "replit.dev", "run.app", "storage.googleapis.com"),
    *("trycloudflare.com", "vercel.app", "web.app", "workers.dev"),
)
"""Below them everybody can have a host."""
_SHARED_AT_AMAZON = (
    r"(?:s3|s3-website|s3-accelerate|execute-api|lambda-url)(?:[.-][a-z0-9-]+)?\.amazonaws\.com"
)
_DROPS = (
    *("0x0.st", "file.io", "hastebin.com", "paste.rs", "pastebin.com", "pipedream.net"),
    *("requestbin.com", "termbin.com", "transfer.sh", "webhook.site"),
)
"""Made to take what anybody sends, and to show it to whoever asks."""


def is_of_anybody(entry: str) -> bool:
    """Whether an entry of `hosts` lets through hosts that a stranger can have, or take data at."""
    domain = entry.lower().removeprefix("*.")
    shared = entry.startswith("*.") and (
        domain in _SHARED or re.fullmatch(_SHARED_AT_AMAZON, domain) is not None
    )
    return shared or any(domain == drop or domain.endswith(f".{drop}") for drop in _DROPS)

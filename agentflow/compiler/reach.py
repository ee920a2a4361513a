"""Hosts and URLs: when two of them are the same for the service, and what a network lets through."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentflow.spec.environment import EnvironmentSpec

__all__ = ["covers", "is_open", "normal_url", "reaches", "url_host"]

_PORTS = {"http": 80, "https": 443}


def normal_url(url: str) -> str:
    """A URL as the service compares them when it looks for the credential of a server.

    Scheme and host in lower case, without a default port and without a slash at the end:
    https://platform.claude.com/docs/en/managed-agents/mcp-connector . A URL that cannot be taken
    apart stays as it is.
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    at = "" if port is None or port == _PORTS.get(scheme) else f":{port}"
    query = f"?{parts.query}" if parts.query else ""
    path = parts.path if query else parts.path.removesuffix("/")
    return f"{scheme}://{host}{at}{path}{query}"


def url_host(url: str) -> str | None:
    """The host in lower case. None: the URL has none, or cannot be taken apart."""
    from urllib.parse import urlsplit

    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def covers(entry: str, host: str) -> bool:
    """Whether an entry of `hosts` lets a host through, or every host that a wildcard means.

    `*.example.com` covers its subdomains and not example.com itself.
    """
    entry, host = entry.lower(), host.lower()
    return host == entry or (entry.startswith("*.") and host.endswith(entry[1:]))


def reaches(hosts: Iterable[str], host: str) -> bool:
    """Whether one of the entries covers the host."""
    return any(covers(entry, host) for entry in hosts)


def is_open(environment: EnvironmentSpec) -> bool:
    """Whether the spec puts no limit on what is reachable.

    Workers of one's own have a network that nobody here knows; `raw` may say anything.
    """
    hosted = environment.hosting == "cloud"
    return not hosted or environment.network.open or "config" in environment.raw

"""[io] What the tools of a session may connect to, in sandlock's words.

Three answers to `hosts`:

* none: no connection at all.
* some: those names, by TCP on ports 80 and 443. Names are looked up when a program is started and
  pinned in its `/etc/hosts`; there is no other name service inside. What decides is the address, so
  another site on the same address (a shared front end) can be reached too.
* None: everything but this machine.

This machine is never reachable, not even under an allowed name: the loopback interface, where the
embedded service and a developer's databases listen, the machine's own addresses, and link-local
addresses, where clouds keep their metadata service.

A wildcard (`*.example.com`) cannot be honoured, since a name has to be known to be looked up; it opens
nothing, and `limits` says so.
"""

from __future__ import annotations

import ipaddress
import itertools
import socket
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

__all__ = ["limits", "rules"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS = "80,443"
_RESOLVER_PORT = 53
_HERE = (
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/3",
    "::/96",  # the unspecified address, loopback, and IPv4 in its oldest disguise
    "::ffff:0:0/96",  # IPv4 in IPv6
    "64:ff9b::/96",  # IPv4 behind a translator
    "fe80::/10",
    "ff00::/8",
)


def limits(hosts: Sequence[str] | None) -> tuple[str, ...]:
    """What of `hosts` the sandbox does not do, a sentence each."""
    return tuple(
        f"{host!r} opens nothing here: the sandbox cannot honour wildcards. Name the hosts."
        for host in hosts or ()
        if "*" in host
    )


def rules(hosts: Sequence[str] | None) -> dict[str, list[str]]:
    """Sandlock's `net_allow` and `net_deny`. Looks names up, which takes as long as it takes."""
    if hosts is None:
        return {"net_allow": [*_everything_else(), *_resolvers()]}
    known = _known([host for host in hosts if "*" not in host])
    if not known:
        return {"net_allow": []}
    return {
        "net_allow": [f"tcp://{host}:{_PORTS}" for host in known],
        "net_deny": [str(network) for network in _here()],
    }


def _known(hosts: Sequence[str]) -> list[str]:
    """Those of `hosts` that have an address: sandlock refuses to start with any other."""
    if not hosts:
        return []
    with ThreadPoolExecutor(max_workers=16) as pool:
        found = list(pool.map(_has_address, hosts))
    return [host for host, has in zip(hosts, found, strict=True) if has]


def _has_address(host: str) -> bool:
    try:
        return bool(socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        return False


def _here() -> list[Network]:
    """The networks that mean this machine."""
    return [*map(ipaddress.ip_network, _HERE), *_own_addresses()]


def _own_addresses() -> Iterator[Network]:
    """The addresses of this machine's interfaces, from the kernel's tables."""
    for line, following in itertools.pairwise(_lines("/proc/net/fib_trie")):
        if "host LOCAL" in following and "|-- " in line:
            yield ipaddress.ip_network(line.split("|-- ")[1].strip())
    for line in _lines("/proc/net/if_inet6"):
        yield ipaddress.ip_network(int(line.split()[0], 16).to_bytes(16, "big"))


def _everything_else() -> list[str]:
    """All addresses without those of this machine, as a list of networks."""
    here = _here()
    result: list[str] = []
    for everything in (ipaddress.IPv4Network("0.0.0.0/0"), ipaddress.IPv6Network("::/0")):
        excluded = [network for network in here if network.version == everything.version]
        result += map(str, _without(everything, excluded))
    return result


def _without(network: Network, excluded: Iterable[Network]) -> Iterable[Network]:
    left: list[Network] = [network]
    for hole in ipaddress.collapse_addresses(excluded):  # type: ignore[type-var]
        rest: list[Network] = []
        for part in left:
            if hole.subnet_of(part):  # type: ignore[arg-type]
                rest += part.address_exclude(hole)  # type: ignore[arg-type]
            elif not part.subnet_of(hole):  # type: ignore[arg-type]
                rest.append(part)
        left = rest
    return left


def _resolvers() -> list[str]:
    """The name servers, which may listen on this machine; of it only their port 53 is open."""
    words = [line.split() for line in _lines("/etc/resolv.conf")]
    found = []
    for address in (word[1] for word in words if len(word) > 1 and word[0] == "nameserver"):
        try:
            version = ipaddress.ip_address(address).version
        except ValueError:
            continue
        found.append(
            f"{address}:{_RESOLVER_PORT}" if version == 4 else f"[{address}]:{_RESOLVER_PORT}"
        )
    return found


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []

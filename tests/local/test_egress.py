"""What may be connected to, as rules."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.local import egress

OPEN = [ipaddress.ip_network(rule) for rule in egress._everything_else()]


def is_open(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in OPEN if network.version == parsed.version)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "127.0.0.1",
        "127.255.1.2",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "fe80::1",
        "ff02::1",
        "64:ff9b::7f00:1",
    ],
)
def test_this_machine_is_closed(address: str) -> None:
    assert not is_open(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "223.255.255.255", "2606:4700::1"])
def test_the_rest_is_open(address: str) -> None:
    assert is_open(address)


def test_the_machines_own_addresses_are_closed() -> None:
    own = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
    assert all(not is_open(str(address).split("%")[0]) for address in own)


@given(st.ip_addresses())
def test_every_address_is_either_here_or_open(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    here = any(
        address in network for network in egress._here() if network.version == address.version
    )
    assert is_open(str(address)) != here


def test_nothing_named_opens_nothing() -> None:
    assert egress.rules(()) == {"net_allow": []}
    assert egress.rules(("*.example.com",)) == {"net_allow": []}


def test_a_name_without_an_address_opens_nothing() -> None:
    assert egress.rules(("no-such-host.invalid", "a" * 80 + ".example")) == {"net_allow": []}


def test_a_name_opens_two_ports_and_never_this_machine() -> None:
    rules = egress.rules(("localhost", "*.example.com"))
    assert rules["net_allow"] == ["tcp://localhost:80,443"]
    assert {"127.0.0.0/8", "169.254.0.0/16", "::/96"} <= set(rules["net_deny"])


def test_a_wildcard_is_reported() -> None:
    assert egress.limits(("a.example.com", "*.example.com")) == (
        "'*.example.com' opens nothing here: the sandbox cannot honour wildcards. Name the hosts.",
    )
    assert egress.limits(None) == ()


def test_name_servers_are_open_on_their_port_only(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["# x", "nameserver 127.0.0.53", "nameserver ::1", "nameserver", "nameserver bad", ""]
    monkeypatch.setattr(egress, "_lines", lambda path: lines if "resolv" in path else [])
    assert egress._resolvers() == ["127.0.0.53:53", "[::1]:53"]

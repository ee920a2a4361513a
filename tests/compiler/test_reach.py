"""When two URLs are one for the service, and what an entry of `hosts` lets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler.reach import covers, normal_url, url_host

SAME = [
    ("https://x.dev/mcp", "HTTPS://X.DEV:443/mcp/"),
    ("http://x.dev", "http://x.dev:80/"),
    ("https://[::1]:8443/a", "https://[::1]:8443/a/"),
]
DIFFERENT = [
    ("https://x.dev/mcp", "https://x.dev/MCP"),
    ("https://x.dev/mcp", "http://x.dev/mcp"),
    ("https://x.dev/mcp", "https://a.x.dev/mcp"),
    ("https://x.dev/mcp", "https://x.dev:8443/mcp"),
    ("https://x.dev/mcp", "https://x.dev/mcp//"),
    ("https://x.dev/mcp?a=/", "https://x.dev/mcp?a="),
    ("https://x.dev:80", "https://x.dev"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_urls_that_are_one(one: str, other: str) -> None:
    assert normal_url(one) == normal_url(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_urls_that_are_two(one: str, other: str) -> None:
    assert normal_url(one) != normal_url(other)


@given(st.text(max_size=30) | st.from_regex(r"https?://[\w.:\[\]@-]{0,15}(/[\w?#/]{0,9})?"))
def test_any_text_is_taken_apart_or_left_alone(text: str) -> None:
    normal_url(text)
    url_host(text)


@given(
    st.from_regex(
        r"https?://[a-zA-Z][a-zA-Z.]{0,9}(:[1-9][0-9]{1,3})?(/[a-z]{1,3}){0,2}/?", fullmatch=True
    )
)
def test_what_is_normal_stays(url: str) -> None:
    assert normal_url(normal_url(url)) == normal_url(url)


@pytest.mark.parametrize(
    ("entry", "host", "expected"),
    [
        ("x.dev", "X.dev", True),
        ("*.x.dev", "a.b.x.dev", True),
        ("*.x.dev", "x.dev", False),
        ("*.x.dev", "*.a.x.dev", True),
        ("*.x.dev", "*.x.dev", True),
        ("x.dev", "*.x.dev", False),
        ("*.x.dev", "evilx.dev", False),
    ],
)
def test_what_an_entry_covers(entry: str, host: str, expected: bool) -> None:
    assert covers(entry, host) is expected

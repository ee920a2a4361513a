"""Patterns that are compiled later do what compiled ones do."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from agentflow.patterns import regex

SOURCE = r"(?P<first>[a-z])(\d)?"


@pytest.mark.parametrize("call", ["match", "fullmatch", "search", "findall", "split"])
def test_a_pattern_does_what_a_compiled_one_does(call: str) -> None:
    for text in ("A1", "a1", "b", "", "x9 y8"):
        later, now = (
            getattr(made(SOURCE, re.IGNORECASE), call)(text) for made in (regex, re.compile)
        )
        assert (later if not isinstance(later, re.Match) else later.groupdict()) == (
            now if not isinstance(now, re.Match) else now.groupdict()
        )


def test_a_pattern_of_bytes_finds_bytes() -> None:
    assert regex(rb"b+").sub(b"c", b"abbc") == b"acc"


def test_a_pattern_tells_what_it_was_made_of() -> None:
    made = regex(SOURCE, re.MULTILINE)
    assert (made.pattern, made.groups) == (SOURCE, 2)


def test_a_mistake_shows_at_the_first_use() -> None:
    broken = regex("(")
    with pytest.raises(re.error):
        broken.match("")


def test_all_patterns_of_the_package_can_be_compiled() -> None:
    program = """
import agentflow.patterns, importlib, pkgutil, re, agentflow
made = []
agentflow.patterns.regex = lambda source, flags=0: made.append(re.compile(source, flags)) or made[-1]
for package in ("source", "spec", "compiler", "lint", "operations"):
    found = importlib.import_module(f"agentflow.{package}")
    for module in pkgutil.walk_packages(found.__path__, found.__name__ + "."):
        importlib.import_module(module.name)
print(len(made))
"""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) > 40

"""Command lines that are read without argparse mean what they mean to argparse."""

from __future__ import annotations

from argparse import Namespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.cli.main import COMMANDS, parser_of
from agentflow.cli.plain import read_plain

PARSER, _ = parser_of(next(command for command in COMMANDS if command.name == "lint"))
PLAIN = (
    *("", "-C dir", "--no-cache", "-C dir --no-cache", "agents/a.yaml", "a.yaml b.yaml --no-cache"),
    *("-t prod a.yaml b.yaml", "--target prod --exit-zero", "-C one -C two"),
)
WORDS = st.sampled_from(
    [
        *(
            "-C",
            "-t",
            "--target",
            "--no-cache",
            "--exit-zero",
            "--fix",
            "--format",
            "json",
            "-Cdir",
        ),
        *("a.yaml", "b.yaml", "dir", "", "-", "--", "-1", "--target=prod", "--level", "strict"),
    ]
)


def argparse_of(words: list[str]) -> dict[str, object]:
    return vars(PARSER.parse_args(words, Namespace(words=tuple(words))))


@pytest.mark.parametrize("line", PLAIN)
def test_what_is_plain_is_read(line: str) -> None:
    words = line.split()
    plain = read_plain(words)
    assert plain is not None
    assert vars(plain) == argparse_of(words)


@given(st.lists(WORDS, max_size=5))
def test_what_is_read_is_what_argparse_reads(words: list[str]) -> None:
    plain = read_plain(words)
    if plain is not None:
        assert vars(plain) == argparse_of(words)


@pytest.mark.parametrize("line", ["a.yaml --no-cache b.yaml", "-C", "-C -t", "--fix", "-Cdir", "-"])
def test_the_rest_is_left_to_argparse(line: str) -> None:
    assert read_plain(line.split()) is None

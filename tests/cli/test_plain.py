"""Command lines that are read without argparse mean what they mean to argparse."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.cli.main import COMMANDS, parser_of
from agentflow.cli.plain import read_plain

ROOT = Path(__file__).parents[2]
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


def test_paths_are_whole_though_loaded_without_urls() -> None:
    code = (
        "import sys; from agentflow.cli.light_paths import load_pathlib; load_pathlib()\n"
        "print('pathlib' in sys.modules, 'ipaddress' in sys.modules)\n"
        "from pathlib import Path; print(Path('/a b').as_uri())\n"
        "import urllib.parse; print(urllib.parse.quote('ä'))\n"
    )
    command = [sys.executable, "-S", "-c", code]  # what sites import at each start is theirs
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True False", "file:///a%20b", "%C3%A4"]

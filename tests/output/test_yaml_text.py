"""YAML that is written for people is read as the same data."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.output.yaml_text import scalar, yaml_lines
from agentflow.source.yaml import parse

texts = st.one_of(
    st.text(max_size=12),
    st.text("ab :#-?|>'\"{}[],&*!%@`~\n\t0.é\u2028", max_size=12),
    st.sampled_from(["yes", "1", "1.5", "0x1f", "1:30", "2026-01-01", "~", "null", "20m", "a\n\nb\n"]),
)  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.decimals(0, 1000, places=2),
    texts,
)
data = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(texts.filter(bool), inner, max_size=3)
    ),
    max_leaves=12,
)


def written(value: Any) -> str:
    return "".join(f"{line.text}\n" for line in yaml_lines(value))


@given(data)
def test_what_is_written_is_read_again(value: Any) -> None:
    documents, problems = parse("x.yaml", written(value))
    assert problems == (), written(value)
    assert [document.data for document in documents] == [value]


@given(data)
def test_each_leaf_has_one_line(value: Any) -> None:
    paths = [line.path for line in yaml_lines(value) if line.path is not None]
    assert len(paths) == len(set(paths))
    found = value
    for path in paths:
        found = value
        for step in path:
            found = found[step]
        assert not found or not isinstance(found, (dict, list))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Work.", "Work."),
        ("./prompts/a.md", "./prompts/a.md"),
        ("${secret.x}", "${secret.x}"),
        ("https://a.com/x", "https://a.com/x"),
        ("20m", "20m"),
        ("1h30m", "1h30m"),
        ("on", '"on"'),
        ("12", '"12"'),
        ("a: b", '"a: b"'),
        ("a:", '"a:"'),
        ("", '""'),
        ("*", '"*"'),
        ("\x1b[2J", '"\\u001b[2J"'),
        (Decimal("2.50"), "2.50"),
        (None, "null"),
        (True, "true"),
        ([], "[]"),
    ],
)
def test_a_scalar(value: Any, expected: str) -> None:
    assert scalar(value) == expected


def test_maps_in_lists_and_long_texts() -> None:
    value = {"a": [{"b": 1, "c": ["x"]}, ["z", []]], "prompt": "One.\n\n  Two.\n", "end": "x\ny"}
    assert written(value) == (
        "a:\n  - b: 1\n    c:\n      - x\n  - - z\n    - []\n"
        "prompt: |\n  One.\n\n    Two.\nend: |-\n  x\n  y\n"
    )

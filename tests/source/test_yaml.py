"""The YAML reader: values, refusals with their places, limits, and agreement of the two parsers."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from agentflow import codes
from agentflow.source import yaml as reader
from agentflow.source.yaml import MAX_DEPTH, MAX_PROBLEMS, USES_C_PARSER, parse


def value(text: str) -> Any:
    documents, problems = parse("f.yaml", text)
    assert problems == ()
    assert len(documents) == 1
    return documents[0].data


def test_the_c_parser_is_in_use() -> None:
    assert USES_C_PARSER


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-7", -7),
        ("012", 12),
        ("0o17", 15),
        ("0xfF", 255),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2026-11-23", "2026-11-23"),
        ("2.50", Decimal("2.50")),
        (".5", Decimal("0.5")),
        ("1e3", Decimal("1e3")),
        ("1.2.3", "1.2.3"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("[a, {b: c}]", ["a", {"b": "c"}]),
        ("{}", {}),
        ("|\n  a\n   b\n\n", "a\n b\n"),
        (">-\n  a\n  b\n", "a b"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, expected: Any) -> None:
    found = value(f"key: {text}\n")["key"]
    assert found == expected
    assert type(found) is type(expected)


def test_a_decimal_keeps_its_digits() -> None:
    assert str(value("usd: 2.50")["usd"]) == "2.50"


def test_documents_are_counted_and_a_byte_order_mark_is_ignored() -> None:
    documents, problems = parse("f.yaml", "\ufeffa: 1\n---\n---\nb: 2\n")
    assert problems == ()
    assert [(item.index, item.data) for item in documents] == [
        (0, {"a": 1}),
        (1, None),
        (2, {"b": 2}),
    ]
    assert documents[0].span(("a",), key=True).column == 1


def test_an_empty_text_has_no_documents() -> None:
    assert parse("f.yaml", "") == ((), ())
    assert parse("f.yaml", "# only a comment\n") == ((), ())


REFUSED = [
    # text, code, line, column, part of the message
    ("a:\n\tb: 1\n", "AF011", 2, 1, "tab"),
    ("a:\n  b: 1\n\tc: 2\n", "AF011", 3, 1, "tab"),
    ("a: 1\nb: 2\na: 3\n", "AF012", 3, 1, "'a' is set twice in one mapping, first in line 1"),
    ("a: {b: 1, b: 2}\n", "AF012", 1, 11, "'b' is set twice"),
    ("a: !Ref x\n", "AF013", 1, 4, "'!Ref'"),
    ("a: !!python/name:os.system x\n", "AF013", 1, 4, "'!!python/name:os.system'"),
    ("a: &x !t [1]\n", "AF013", 1, 7, "'!t'"),
    ("1: a\n", "AF014", 1, 1, "'1' is not text"),
    ("true: a\n", "AF014", 1, 1, "'true' is not text"),
    ("?\n: a\n", "AF014", 1, 2, "missing"),
    ("a: *\n", "AF010", 1, 5, "without a name"),
    ("? [a]\n: b\n", "AF014", 1, 3, "not a list"),
    ("task: {{ inputs.x }}\n", "AF014", 1, 8, "not a template"),
    ("a: &x {b: 1}\nc:\n  <<: *x\n", "AF015", 3, 3, "'<<'"),
    ("a: *x\n", "AF016", 1, 4, "'&x'"),
    ("a: &x [*x]\n", "AF016", 1, 8, "inside what it repeats"),
    ("a: .inf\n", "AF020", 1, 4, ".inf"),
    ("a: -.INF\n", "AF020", 1, 4, "-.INF"),
    ("a: .nan\n", "AF020", 1, 4, ".nan"),
    (f"a: {'9' * 50}\n", "AF020", 1, 4, "too large"),
    ("a: 1e999\n", "AF020", 1, 4, "too large"),
    ("%YAML 1.1\n---\na: yes\n", "AF021", 1, 1, "YAML 1.2"),
    ("a: b\x00c\n", "AF019", 1, 5, "U+0000"),
    ("a: b\x1bc\n", "AF019", 1, 5, "U+001B"),
    ("a: [1, 2\nb: 3\n", "AF010", 2, 2, "not closed"),
    ("a: 'x\nb: 3\n", "AF010", 1, 4, "inside a quoted text"),
    ("a: b: c\n", "AF010", 1, 5, "no key can be"),
    ("a: @b\n", "AF010", 1, 4, "cannot start with '@'"),
    ('a: "\\q"\n', "AF010", 1, 5, "escape"),
    ("a: 1\n  b: 2\n", "AF010", 2, 4, "no key can be"),
    ("a: [1,,2]\n", "AF010", 1, 7, "expected"),
    ("a: - b\n", "AF010", 1, 4, "list cannot start here"),
    ("abc\ndef: 1\n", "AF010", 2, 4, ""),
]


@pytest.mark.parametrize(("text", "code", "line", "column", "part"), REFUSED)
def test_what_is_refused_says_where_and_why(
    text: str, code: str, line: int, column: int, part: str
) -> None:
    problems = parse("f.yaml", text).problems
    assert [(item.code, item.span and (item.span.line, item.span.column)) for item in problems] == [
        (code, (line, column))
    ]
    assert part in problems[0].message
    assert problems[0].message.endswith(".")


def test_problems_of_a_file_are_collected_and_its_data_kept() -> None:
    documents, problems = parse("f.yaml", "a: 1\na: 2\n1: x\nb: !t y\nc: *no\nd: .inf\n")
    assert [item.code for item in problems] == ["AF012", "AF014", "AF013", "AF016", "AF020"]
    assert documents[0].data == {"a": 1, "1": "x", "b": "y", "c": None, "d": ".inf"}


def test_after_a_hundred_problems_the_rest_is_not_read() -> None:
    problems = parse("f.yaml", "".join(f"{n}: x\n" for n in range(100_000))).problems
    assert len(problems) == MAX_PROBLEMS + 1
    assert {item.code for item in problems[:-1]} == {"AF014"}
    assert problems[-1].code == "AF023"


def test_documents_before_broken_syntax_are_kept() -> None:
    documents, problems = parse("f.yaml", "a: 1\n---\nb: [\n")
    assert [item.data for item in documents] == [{"a": 1}]
    assert [item.code for item in problems] == ["AF010"]


def test_a_duplicate_key_names_both_places() -> None:
    (problem,) = parse("f.yaml", "a: 1\nb: 2\na: 3\n").problems
    assert [(span.line, caption) for span, caption in problem.related] == [(1, "first set here")]


def test_an_alias_repeats_a_value_where_it_was_written() -> None:
    (document,), problems = parse("f.yaml", "a: &x {k: 1}\nb: *x\nc: &t text\nd: *t\n")
    assert problems == ()
    assert document.data["b"] == {"k": 1}
    assert document.data["d"] == "text"
    assert document.span(("b", "k")).line == 1


def test_an_alias_bomb_stops_early() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    documents, problems = parse("f.yaml", "\n".join(lines))
    assert documents == ()
    assert [item.code for item in problems] == ["AF017"]


def test_an_alias_of_a_long_text_counts_by_its_length() -> None:
    text = f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 1000)}]\n"
    assert [item.code for item in parse("f.yaml", text).problems] == ["AF017"]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused(opening: str) -> None:
    text = opening * 100_000
    assert [item.code for item in parse("f.yaml", text).problems] == ["AF018"]


def test_the_deepest_allowed_nesting_is_read() -> None:
    text = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert parse("f.yaml", text).problems == ()


def test_any_version_directive_for_1_2_is_fine() -> None:
    assert value("%YAML 1.2\n---\na: yes\n") == {"a": "yes"}


YAML_TEXT = st.text(alphabet="ab:-#&*!|>'\"{}[],? \n\t\r~0.é😀\u2028%@`\\<", max_size=80)


@settings(deadline=None)
@given(YAML_TEXT | st.text(max_size=60))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    documents, problems = parse("f.yaml", text)
    line_count = text.count("\n") + text.count("\r") + 1
    for problem in problems:
        assert problem.span is not None
        assert 1 <= problem.span.line <= line_count
    for document in documents:
        assert document.span(()).line <= line_count


@settings(deadline=None)
@given(st.text(alphabet="ab:-#&*!'\"{}[],? \n~0.é😀", max_size=60))
def test_both_parsers_read_the_same_data(text: str) -> None:
    """Where neither finds a problem: they differ in what they accept, and at odd block headers."""
    fast = parse("f.yaml", text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "C_PARSER", None)
        slow = parse("f.yaml", text)
    if not fast.problems and not slow.problems:
        assert [item.data for item in fast.value] == [item.data for item in slow.value]


@pytest.mark.parametrize(("text", "code", "line", "column", "part"), REFUSED)
def test_the_parser_in_python_refuses_the_same(
    text: str, code: str, line: int, column: int, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "C_PARSER", None)
    problems = parse("f.yaml", text).problems
    assert problems
    assert problems[0].code == code


LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.text(alphabet="ab :#-'\"\n\\é😀{}", max_size=20)
)
TREE = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(alphabet="abc #:'\n", min_size=1, max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(TREE)
def test_data_written_by_another_library_is_read_back(data: Any) -> None:
    writer = YAML(typ="safe", pure=True)
    # Not in brackets: libyaml refuses some plain text there that the other library writes.
    writer.default_flow_style = False
    writer.allow_unicode = True
    stream = StringIO()
    writer.dump({"root": data}, stream)
    documents, problems = parse("f.yaml", stream.getvalue())
    # What one library writes without quotes, such as `null` as a key, the other may refuse.
    assert [item.code for item in problems if item.code != "AF014"] == []
    assert documents[0].data == {"root": data}


def test_a_key_that_nests_without_end_is_not_read_to_its_end() -> None:
    """The parser takes quadratic time for it: a megabyte of braces would take many minutes."""
    found = parse("a.yaml", "{" * 1_000_000)
    assert [p.code for p in found.problems][-1] == codes.TOO_DEEP.id


@pytest.mark.parametrize("number", ["1e99999999999999999999999", "1e-99999999999999999999999"])
def test_an_exponent_beyond_any_decimal_is_a_problem(number: str) -> None:
    assert [p.code for p in parse("a.yaml", f"a: {number}").problems] == [codes.BAD_NUMBER.id]

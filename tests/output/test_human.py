"""Diagnostics as people read them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.diagnostics import Code, Diagnostic, Severity, Span
from agentflow.output.excerpt import MAX_WIDTH, excerpt, printable
from agentflow.output.human import render_human

CODE = Code("AF602", "ask-unanswered", Severity.ERROR, "A tool asks, and nobody answers.")
SECRET = Code("AF901", "secret-in-text", Severity.ERROR, "A file holds what looks like a secret.")


def _render(problem: Diagnostic, **sources: str) -> str:
    files = {name.replace("_", "."): text for name, text in sources.items()}
    return render_human([problem], files, color=False, summary=None)


def test_the_whole_form() -> None:
    problem = CODE.at(
        Span("a.yaml", 12, 9, 12, 12),
        "Tool 'bash' asks.",
        hint="Add a rule.\nOr turn it off.",
        related=((Span("b.yaml", 3, 1, 3, 5), "the rules"),),
    )
    text = "\n" * 11 + "  bash: ask\n"
    shown = render_human([problem], {"a.yaml": text}, color=False, summary="1 error in 4 specs")
    assert shown == (
        "a.yaml:12:9: error[AF602 ask-unanswered] Tool 'bash' asks.\n"
        "   |\n"
        "12 |   bash: ask\n"
        "   |         ^^^\n"
        "   note: b.yaml:3:1: the rules\n"
        "   hint: Add a rule.\n"
        "         Or turn it off.\n"
        "\n"
        "1 error in 4 specs\n"
    )


def test_without_a_place_or_a_text_there_is_no_excerpt() -> None:
    assert _render(CODE.at(None, "The service refused.")) == (
        "error[AF602 ask-unanswered] The service refused.\n"
    )
    place = Span("a.yaml", 9, 1, 9, 2)
    for sources in ({}, {"a_yaml": "one line\n"}, {"a_yaml": "\n" * 20}):
        assert _render(CODE.at(place, "X."), **sources) == (
            "a.yaml:9:1: error[AF602 ask-unanswered] X.\n"
        )


def test_nothing_found_and_nothing_to_say_is_no_text() -> None:
    assert render_human([], {}, color=False, summary=None) == ""
    assert render_human([], {}, color=False, summary="no problems") == "no problems\n"


def test_paths_are_shown_as_asked() -> None:
    problem = CODE.at(Span("a.yaml", 1, 1, 1, 2), "X.", related=((Span("b", 1, 1, 1, 1), "y"),))
    shown = render_human([problem], {}, color=False, summary=None, show_path=lambda p: f"sub/{p}")
    assert "sub/a.yaml:1:1: error" in shown
    assert "note: sub/b:1:1: y" in shown


def test_colour_changes_no_character() -> None:
    problem = CODE.at(Span("a.yaml", 1, 1, 1, 3), "X.", hint="Y.")
    plain = render_human([problem], {"a.yaml": "abc"}, color=False, summary="1 error")
    coloured = render_human([problem], {"a.yaml": "abc"}, color=True, summary="1 error")
    stripped = coloured
    for style in ("0", "1", "34", "1;31", "1;32"):
        assert f"\x1b[{style}m" in coloured
        stripped = stripped.replace(f"\x1b[{style}m", "")
    assert stripped == plain


@pytest.mark.parametrize(
    ("line", "start", "end", "shown", "marks"),
    [
        ("\tbash", 1, 5, "    bash", "    ^^^^"),
        ("ab\tc", 3, 4, "ab  c", "    ^"),
        ("東京 x", 3, 4, "東京 x", "     ^"),
        ("東京 x", 0, 2, "東京 x", "^^^^"),
        ("e\u0301 x", 3, 4, "e\u0301 x", "  ^"),
        ("abc", 3, 3, "abc", "   ^"),
        ("abc", 1, 99, "abc", " ^^"),
        ("", 0, 0, "", "^"),
        ("a\x1b[31mb", 1, 2, "a\N{REPLACEMENT CHARACTER}[31mb", " ^"),
        ("a\u202eb", 2, 3, "a\N{REPLACEMENT CHARACTER}b", "  ^"),
    ],
)
def test_marks_stand_under_what_is_meant(
    line: str, start: int, end: int, shown: str, marks: str
) -> None:
    assert excerpt(line, start, end) == (shown, marks)


def test_a_long_line_is_cut_around_the_mark() -> None:
    line = "x" * 500 + "HERE" + "y" * 500
    shown, marks = excerpt(line, 500, 504)
    assert shown.startswith("…x")
    assert shown.endswith("y…")
    assert shown[marks.index("^") : len(marks)] == "HERE"
    assert len(shown) <= MAX_WIDTH + 2


def test_a_secret_is_hidden_in_every_excerpt_of_its_line() -> None:
    line = "token: Zk3vX9qLm2Tn and TBD"
    found = [
        SECRET.at(Span("a", 1, 8, 1, 20), "This looks like a secret."),
        CODE.at(Span("a", 1, 25, 1, 28), "TBD."),
    ]
    shown = render_human(found, {"a": line}, color=False, summary=None)
    assert "X9qLm2Tn" not in shown
    assert shown.count("token: Zk3v******** and TBD") == 2


def _columns(text: str) -> int:
    return sum(
        0
        if unicodedata.category(c) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


_LINES = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=300)


@settings(deadline=None)
@given(_LINES, st.integers(0, 320), st.integers(0, 320))
def test_an_excerpt_is_always_possible_and_never_wide(line: str, start: int, length: int) -> None:
    shown, marks = excerpt(line, start, start + length)
    assert _columns(shown) <= MAX_WIDTH + 2
    assert set(marks) <= {" ", "^"}
    assert "^" in marks
    assert len(marks) <= MAX_WIDTH + 3
    assert printable(shown) == shown


@settings(deadline=None)
@given(st.text("abcXYZ019.-", min_size=1, max_size=400), st.data())
def test_what_is_marked_is_what_was_meant(line: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(line) - 1))
    end = data.draw(st.integers(start + 1, min(len(line), start + 40)))
    shown, marks = excerpt(line, start, end)
    assert shown[marks.index("^") : len(marks)] == line[start:end]


def test_places_are_links_where_a_terminal_has_them() -> None:
    span = Span("a b.yaml", 1, 1, 1, 2)
    elsewhere = Span("--set", 1, 1, 1, 2)
    problem = CODE.at(span, "It is so.", related=((elsewhere, "here"),))
    text = render_human(
        [problem],
        {},
        color=True,
        summary=None,
        link=lambda path: None if path == "--set" else "file:///p/a%20b.yaml",
    )
    linked = "\x1b]8;;file:///p/a%20b.yaml\x1b\\a b.yaml:1:1\x1b]8;;\x1b\\"
    assert linked in text
    assert text.count("\x1b]8;;") == 2
    assert "--set:1:1: here" in text
    assert "\x1b]8" not in render_human([problem], {}, color=True, summary=None)

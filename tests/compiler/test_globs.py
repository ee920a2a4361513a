"""Whether two globs can be met by one text, against all short texts."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler.globs import globs_meet

TEXTS = ["".join(letters) for length in range(7) for letters in product("ab", repeat=length)]
GLOBS = st.text("ab*?", max_size=4)


@given(GLOBS, GLOBS)
def test_globs_meet_exactly_where_a_text_matches_both(one: str, other: str) -> None:
    expected = any(fnmatchcase(text, one) and fnmatchcase(text, other) for text in TEXTS)
    assert globs_meet(one, other) is expected


@given(st.text("ab[]!*?-", max_size=6), st.text("ab[]!*?-", max_size=6))
def test_no_meeting_is_missed_where_there_are_sets(one: str, other: str) -> None:
    if any(fnmatchcase(text, one) and fnmatchcase(text, other) for text in TEXTS):
        assert globs_meet(one, other)
    assert globs_meet(one, other) == globs_meet(other, one)

"""Lines of a text that was, in the text that is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentflow.editor.shift import Shift

LINES = st.lists(st.sampled_from(["a", "b", "", "  c"]), max_size=8)


@given(LINES, LINES)
def test_lines_that_are_said_to_be_the_same_are(old: list[str], new: list[str]) -> None:
    shift = Shift("\n".join(old), "\r\n".join(new))
    old, new = old or [""], new or [""]
    for line in range(1, len(new) + 1):
        before = shift.old(line)
        if before is not None:
            assert old[before - 1] == new[line - 1]
            assert shift.new(before) == line


@given(LINES, st.lists(st.sampled_from(["x", "y"]), max_size=3), LINES)
def test_all_around_what_was_inserted_is_known(
    top: list[str], inserted: list[str], bottom: list[str]
) -> None:
    shift = Shift("\n".join([*top, "|", *bottom]), "\n".join([*top, "|", *inserted, *bottom]))
    assert shift.old(len(top) + 1) == len(top) + 1
    for number in range(len(bottom)):
        line = len(top) + len(inserted) + 2 + number
        assert shift.old(line) == line - len(inserted)


def test_a_line_that_has_changed_is_unknown() -> None:
    shift = Shift("a\nb\nc", "a\nB\nc")
    assert [shift.old(line) for line in (1, 2, 3)] == [1, None, 3]
    assert [shift.new(line) for line in (1, 2, 3)] == [1, None, 3]

"""Cases that fuzzing found or began with, and bytes around them, by chance."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.project import files_in, holds, joined

SEEDS = sorted((Path(__file__).parent / "seeds").iterdir())
WHOLE = [path.read_bytes() for path in SEEDS]
LINES = sorted({line for data in WHOLE for line in data.splitlines(keepends=True)})
BITS = [
    *(b"\xff", b"\x00", b"\xef\xbb\xbf", b"\r\n", b"\r", b"\t", b"\xe2\x80\xa8", b"\xc2\x85"),
    *(b"---\n", b"...\n", b"? ", b"- ", b": ", b"{", b"}", b"[", b"]", b",", b"#", b"|\n", b">-\n"),
    *(b"&a ", b"*a", b"<<: ", b"!!str ", b"%YAML 1.2\n", b"'", b'"', b"\\", b"@", b"`"),
    *(b"{{ ", b" }}", b"{% if x %}", b"{% endif %}", b"{# ", b" #}", b"${", b"}", b"$${"),
    *(b"\xf0\x9f\x98\x80", b"\xe2\x80\xae", b"\xe2\x80\x8b", b"# agentflow: ignore[AF501]\n"),
]
ANY = st.one_of(st.sampled_from(BITS), st.sampled_from(LINES), st.binary(max_size=6))


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.name)
def test_a_seed_holds(path: Path) -> None:
    holds(path.read_bytes())


def test_a_case_is_its_files() -> None:
    files = {"agentflow.yaml": b"a\n", "b.md": b"==>c\n"}
    assert files_in(joined(files)) == files


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from(WHOLE),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), ANY), min_size=1, max_size=4),
)
def test_a_changed_seed_holds(case: bytes, changes: list[tuple[float, int, bytes]]) -> None:
    for where, length, text in changes:
        start = int(where * len(case))
        case = case[:start] + text + case[start + length :]
    holds(case)


@settings(deadline=None, max_examples=60)
@given(st.lists(ANY, max_size=12))
def test_lines_in_any_order_hold(parts: list[bytes]) -> None:
    holds(b"".join(parts))

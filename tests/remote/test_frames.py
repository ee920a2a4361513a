"""Frames come out whole wherever the bytes are cut, and as the SDK's own reader has them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from anthropic._streaming import SSEDecoder
from hypothesis import example, given
from hypothesis import strategies as st

from agentflow.remote.frames import Frame, FrameReader

LINES = st.sampled_from(
    [
        b"event: session.status_idle",
        b"event:agent.message",
        b"event",
        b'data: {"type": "agent.message"}',
        b"data:{}",
        b"data: {",
        b"data: }",
        b"data",
        b": a comment",
        b"id: 7",
        b"retry: 100",
        b"other: field",
        "data: \u00e9\u2028\u0085x".encode(),
        b"",
        b"",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
STREAMS = st.lists(st.tuples(LINES, ENDS).map(b"".join), max_size=30).map(b"".join)


def read(*chunks: bytes) -> list[Frame]:
    reader = FrameReader()
    return [frame for chunk in chunks for frame in reader.feed(chunk)]


@example(b"data: 1\r\n\n", [])
@given(STREAMS, st.lists(st.integers(0, 400), max_size=8))
def test_where_the_bytes_are_cut_changes_nothing(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    assert read(*pieces) == read(stream)
    assert read(*(bytes([byte]) for byte in stream)) == read(stream)


@given(st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n"])).map(b"".join), max_size=30))
def test_frames_are_those_of_the_sdk(lines: list[bytes]) -> None:
    stream = b"".join(lines) + b"\n\n"
    theirs = [
        (found.event or "", found.data)
        for found in SSEDecoder().iter_bytes(iter([stream]))
        if found.data
    ]
    assert [(frame.event, frame.data.decode()) for frame in read(stream) if frame.data] == theirs


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_frame_is_there_with_the_end_of_its_empty_line(end: bytes) -> None:
    assert read(b"event: a" + end + b"data: 1" + end + end) == [Frame("a", b"1")]


def test_a_mark_of_byte_order_is_no_part_of_the_first_line() -> None:
    frames = [Frame("", b"1")]
    assert read(b"\xef\xbb\xbfdata: 1\n\n") == frames
    assert read(b"\xef", b"\xbb", b"\xbfda", b"ta: 1\n\n") == frames


def test_lines_of_data_are_joined_and_a_name_holds_for_one_frame() -> None:
    stream = b"event: a\ndata: 1\ndata: 2\n\ndata: 3\n\nevent: b\n\ndata: 4\n\n"
    assert read(stream) == [Frame("a", b"1\n2"), Frame("", b"3"), Frame("", b"4")]


def test_a_frame_without_an_end_is_none() -> None:
    assert read(b"data: 1\n\ndata: 2\n") == [Frame("", b"1")]

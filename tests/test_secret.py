"""A secret never prints, and a text that repeats one is masked."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow import secret
from agentflow.secret import LEAST, SecretText, mask, masked, protect

VALUE = 'canary-ü "value"/2'


def test_it_shows_its_name_however_it_is_printed(caplog: pytest.LogCaptureFixture) -> None:
    one = SecretText("token", VALUE)
    assert one.reveal() == VALUE
    shown = [str(one), repr(one), f"{one}", f"{one!r:>20}", str([one]), str({"a": one})]
    shown.append(json.dumps({"a": one}, default=str))
    with caplog.at_level(logging.INFO):
        logging.getLogger("x").info("got %s", one)
    for text in [*shown, caplog.text]:
        assert "canary" not in text
        assert "[token]" in text


def test_it_cannot_be_serialised() -> None:
    one = SecretText("token", VALUE)
    with pytest.raises(TypeError):
        json.dumps(one)
    with pytest.raises(TypeError):
        pickle.dumps(one)
    with pytest.raises(TypeError):
        copy.deepcopy(one)


def test_it_is_equal_to_itself_and_to_no_text() -> None:
    one = SecretText("token", VALUE)
    assert one == SecretText("token", VALUE)
    assert one != SecretText("token", "another value")
    assert one != VALUE
    assert len({one, SecretText("token", VALUE)}) == 1


WRITTEN = [
    VALUE,
    json.dumps(VALUE),
    json.dumps(VALUE, ensure_ascii=False),
    json.dumps(json.dumps({"a": VALUE}, ensure_ascii=False), ensure_ascii=True)[1:-1],
    repr(VALUE),
    quote(VALUE, safe=""),
    base64.b64encode(VALUE.encode()).decode(),
    base64.urlsafe_b64encode(VALUE.encode()).decode(),
]


@pytest.mark.parametrize("written", [*WRITTEN[:3], *WRITTEN[4:]])
def test_a_value_is_found_however_it_is_written(written: str) -> None:
    SecretText("token", VALUE)
    assert mask(f"before {written} after") == (
        f"before {written.replace(_bare(written), '[token]')} after"
    )


def _bare(written: str) -> str:
    return written[1:-1] if written[0] in "\"'" else written.rstrip("=")


def test_each_line_of_a_key_is_found() -> None:
    SecretText("key", "-----BEGIN-----\nMIIEvQIBADANBg\nabc\n-----END-----")
    assert mask("the line MIIEvQIBADANBg of it") == "the line [key] of it"


def test_what_is_too_short_is_left_alone() -> None:
    protect("pin", "1234")
    assert mask("12345") == "12345"
    assert len("1234") < LEAST


def test_the_longer_of_two_values_is_found_first() -> None:
    protect("user", "customer")
    protect("password", "customer-password")
    assert mask("customer-password of customer") == "[password] of [user]"


class Color(StrEnum):
    RED = "red"


class Pair(NamedTuple):
    a: str
    b: int


_PAIR = Pair("x", 1)


@dataclass(frozen=True, slots=True)
class Thing:
    text: str
    data: dict[str, object]
    color: Color = Color.RED
    pair: Pair = _PAIR


def test_data_is_masked_in_depth_and_otherwise_the_same() -> None:
    before = Thing("fine", {"a": [1, "b", ("c",)], "d": None})
    protect("token", "canary-1")
    assert masked(before) is before
    dirty = Thing(
        "a canary-1", {"canary-1": ["canary-1", {"x": ("canary-1",)}]}, pair=Pair("canary-1", 2)
    )
    clean = masked(dirty)
    assert "canary" not in str(asdict(clean))
    assert clean.color is Color.RED
    assert clean.pair == Pair("[token]", 2)
    assert clean.data == {"[token]": ["[token]", {"x": ("[token]",)}]}


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_data_without_secrets_is_the_same_object(data: object) -> None:
    protect("token", "\ue000" * LEAST)
    assert masked(data) is data


@given(st.text(min_size=LEAST, max_size=40), st.text(), st.text())
def test_no_text_keeps_a_value(value: str, before: str, after: str) -> None:
    known = dict(secret._shown)
    try:
        protect("", value)
        assert value not in mask(before + value + after) or value in "[]"
    finally:
        secret._shown = known

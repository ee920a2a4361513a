"""The conditions of flows: what they mean, what is wrong with others, and that nothing else is read."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler.conditions import (
    Combined,
    Comparison,
    Condition,
    ConditionProblem,
    Literal,
    Negation,
    Reference,
    Several,
    parse_condition,
    parse_reference,
    references,
)


def plain(condition: Condition | ConditionProblem) -> object:
    """Without places, so that two conditions can be compared."""
    match condition:
        case Reference(steps=steps):
            return ("path", *steps)
        case Literal(value=value):
            return value
        case Several(items=items):
            return [plain(item) for item in items]
        case Comparison(operator=operator, left=left, right=right):
            return (operator, plain(left), plain(right))
        case Negation(of=part):
            return ("not", plain(part))
        case Combined(word=word, parts=parts):
            return (word, *map(plain, parts))
        case ConditionProblem():
            return condition


X = ("path", "inputs", "x")
READ = [
    ("inputs.x", X),
    ("steps.a.outputs.b.0.c", ("path", "steps", "a", "outputs", "b", "0", "c")),
    ('inputs.x == "ok"', ("==", X, "ok")),
    (r"inputs.x == 'it\'s'", ("==", X, "it's")),
    ("inputs.x != null", ("!=", X, None)),
    ("inputs.x<-1.50", ("<", X, Decimal("-1.50"))),
    ("inputs.x in [1, 'a', true,inputs.y]", ("in", X, [1, "a", True, ("path", "inputs", "y")])),
    ("inputs.x not in []", ("not in", X, [])),
    ("not inputs.x == 1", ("not", ("==", X, 1))),
    ("not not inputs.x", ("not", ("not", X))),
    ("true and false or inputs.x", ("or", ("and", True, False), X)),
    ("true and (false or inputs.x)", ("and", True, ("or", False, X))),
    ("(inputs.x)", X),
    ("(inputs.x == 1) == true", ("==", ("==", X, 1), True)),
    ("inputs.x\n  and inputs.x", ("and", X, X)),
]


@pytest.mark.parametrize(("text", "meaning"), READ, ids=[text for text, _ in READ])
def test_a_condition_means(text: str, meaning: object) -> None:
    assert plain(parse_condition(text)) == meaning


WRONG = [
    # text, what is pointed at, part of the message, part of the hint
    ("inputs.x = 1", "=", "'=' has no meaning", "`==`"),
    ("inputs.x && true", "&&", "'&&' has no meaning", "`and`"),
    ("inputs.x == ok", "ok", "neither a path nor a literal", 'Quote it if it is text: "ok"'),
    ("inputs.x == 'ok", "'ok", "not closed", "End it with '"),
    ("inputs.x ==", "=", "ends where a value is expected", "path"),
    ("", "", "ends where a value is expected", "path"),
    ("   ", "   ", "ends where a value is expected", "path"),
    ("inputs.x == 1 == 2", "==", "'==' cannot stand here", "two values at a time"),
    ("inputs.x inputs.y", "inputs.y", "'inputs.y' cannot stand here", "`and`"),
    ("(inputs.x", "(", "'(' is not closed", "')'"),
    ("inputs.x in [1, 2", "[", "'[' is not closed", "']'"),
    ("inputs.x in [1 2]", "[", "'[' is not closed", "']'"),
    ("inputs.x)", ")", "')' cannot stand here", "`and`"),
    ("and true", "and", "'and' stands where a value", "literal"),
    ("true not false", "not", "`not` cannot stand here", "not in"),
    ("len(inputs.x) > 1", "len", "neither a path nor a literal", "Quote it"),
    ("inputs.x > 1 + 1", "+", "'+' has no meaning", "=="),
    ("__import__('os')", "__import__", "neither a path", ""),
    ("inputs.x == 1e5", "1", "'1' has no meaning", ""),
    ("(" * 51 + "true" + ")" * 51, "(", "nested too deeply", "python"),
    ("not " * 60 + "true", "not", "nested too deeply", "python"),
    ("true or " * 2000 + "true", "true or " * 2000 + "true", "16,004 characters", "At most"),
]


@pytest.mark.parametrize(
    ("text", "at", "message", "hint"), WRONG, ids=[case[0][:20] for case in WRONG]
)
def test_a_condition_that_cannot_be_read(text: str, at: str, message: str, hint: str) -> None:
    found = parse_condition(text)
    assert isinstance(found, ConditionProblem)
    assert text[found.start : found.end] == at
    assert message in found.message
    assert found.message.endswith(".")
    assert hint in found.hint


PATHS = st.lists(st.from_regex(r"[a-z0-9_]{1,4}", fullmatch=True), max_size=3).map(
    lambda rest: ".".join(["inputs", "x", *rest])
)
LITERALS = st.one_of(
    st.booleans(), st.none(), st.integers(-(10**17), 10**17), st.text("ab \"'\\.=", max_size=5)
).map(lambda value: json.dumps(value, ensure_ascii=False))
OPERANDS = PATHS | LITERALS
COMPARED = st.tuples(OPERANDS, st.sampled_from(["==", "!=", "<=", "in", "not in"]), OPERANDS).map(
    " ".join
)
CONDITIONS = st.recursive(
    OPERANDS | COMPARED,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
        )
        | inner.map(lambda part: f"not ({part})")
    ),
    max_leaves=6,
)


@given(CONDITIONS)
def test_what_the_grammar_makes_is_read_and_its_paths_are_found(text: str) -> None:
    found = parse_condition(text)
    assert not isinstance(found, ConditionProblem), found.message
    for reference in references(found):
        assert text[reference.start : reference.end] == ".".join(reference.steps)
    assert plain(parse_condition(f"  ({text})\n")) == plain(found)


@given(st.text(max_size=40) | st.text("inputs.x ()[]=!<>'\"\\andornot1-,", max_size=30))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    found = parse_condition(text)
    if isinstance(found, ConditionProblem):
        assert 0 <= found.start <= found.end <= len(text)
    parse_reference(text)


def test_a_path_alone() -> None:
    assert parse_reference("steps.a.outputs.b") == (("steps", "a", "outputs", "b"), 0, 17)
    for text in ("", "a b", "true", "not", "a..b", ".a", "a.", "a-b", "1.a", "ä"):
        assert parse_reference(text) is None

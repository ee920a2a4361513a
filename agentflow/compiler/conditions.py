"""The conditions and paths of flows: `steps.check.outputs.verdict == "ok" and inputs.strict`.

A small language of its own, read here and never given to Python: it compares values that earlier steps
made. Grammar, from loose to tight:

    or       and ("or" and)*
    and      not ("and" not)*
    not      "not" not | compare
    compare  operand (("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in") operand)?
    operand  path | text | number | true | false | null | "[" operand, ... "]" | "(" or ")"
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from agentflow.records import record

__all__ = [
    "Combined",
    "Comparison",
    "Condition",
    "ConditionProblem",
    "Literal",
    "Negation",
    "Reference",
    "Several",
    "parse_condition",
    "parse_reference",
    "references",
]

MAX_DEPTH = 50
"""Of parentheses, lists and `not`."""
MAX_LENGTH = 10_000


class Reference(NamedTuple):
    """A path: `steps.plan.outputs.parts.0.name`, `inputs.x` or `item.name`."""

    steps: tuple[str, ...]
    start: int
    """Where it stands in the text."""
    end: int


@record(kw_only=False)
class Literal:
    value: str | int | Decimal | bool | None


@record(kw_only=False)
class Several:
    """A list."""

    items: tuple[Condition, ...]


@record(kw_only=False)
class Comparison:
    operator: str
    left: Condition
    right: Condition


@record(kw_only=False)
class Negation:
    of: Condition


@record(kw_only=False)
class Combined:
    word: str
    """`and` or `or`."""
    parts: tuple[Condition, ...]


Condition = Reference | Literal | Several | Comparison | Negation | Combined


class ConditionProblem(NamedTuple):
    start: int
    end: int
    message: str
    hint: str


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<number>-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?(?![\w.]))
    |(?P<word>[A-Za-z_]\w*(?:\.\w+)*)
    |(?P<operator>==|!=|<=|>=|<|>)
    |(?P<sign>[()\[\],])""",
    re.VERBOSE | re.ASCII,
)
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_KEYWORDS = ("and", "or", "not", "in")
_ROOTS = ("steps", "inputs", "item")
_MEANT = {"=": "==", "&": "and", "&&": "and", "|": "or", "||": "or", "!": "not", "===": "=="}


class _Wrong(Exception):
    def __init__(self, start: int, end: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.problem = ConditionProblem(start, end, message, hint)


def parse_condition(text: str) -> Condition | ConditionProblem:
    """Read a condition; of several mistakes the first is reported."""
    if len(text) > MAX_LENGTH:
        message = f"The condition has {len(text):,} characters."
        return ConditionProblem(0, len(text), message, f"At most {MAX_LENGTH:,} are read.")
    try:
        return _Parser(text).whole()
    except _Wrong as wrong:
        return wrong.problem


def parse_reference(text: str) -> Reference | None:
    """A path alone. None: it is none."""
    match = re.fullmatch(r"[A-Za-z_]\w*(?:\.\w+)*", text, re.ASCII)
    if match is None or text in _WORDS or text in _KEYWORDS:
        return None
    return Reference(tuple(text.split(".")), 0, len(text))


def references(condition: Condition) -> Iterator[Reference]:
    """Every path in a condition, in reading order."""
    match condition:
        case Reference():
            yield condition
        case Several(items=parts) | Combined(parts=parts):
            for part in parts:
                yield from references(part)
        case Comparison(left=left, right=right):
            yield from references(left)
            yield from references(right)
        case Negation(of=part):
            yield from references(part)
        case Literal():
            pass


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _unreadable(text, position)
        if match.lastgroup != "space":
            yield _Token(match.lastgroup, match[0], position, match.end())
        position = match.end()


def _unreadable(text: str, position: int) -> _Wrong:
    if text[position] in "\"'":
        message = "The quotes of a text are not closed."
        return _Wrong(position, len(text), message, f"End it with {text[position]}.")
    signs = re.compile(r"[^\w\s\"'()\[\]]+|\S").match(text, position)
    found = signs[0] if signs is not None else text[position]
    hint = (
        f"Write `{_MEANT[found]}`."
        if found in _MEANT
        else "Known are == != < <= > >= in and or not."
    )
    return _Wrong(
        position, position + len(found), f"{found!r} has no meaning in a condition.", hint
    )


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.at = 0
        self.depth = 0

    def whole(self) -> Condition:
        found = self._joined("or")
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            hint = "Join conditions with `and` or `or`."
            if token.kind == "operator" or token.text == "in":
                hint = "Compare two values at a time, and join comparisons with `and`."
            message = f"{token.text!r} cannot stand here."
            raise _Wrong(token.start, token.end, message, hint)
        return found

    def _take(self, *texts: str) -> _Token | None:
        """The next token, if it is one of these words or signs."""
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind != "text" and token.text in texts:
                self.at += 1
                return token
        return None

    def _joined(self, word: str) -> Condition:
        def part() -> Condition:
            return self._joined("and") if word == "or" else self._negated()

        parts = [part()]
        while self._take(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Combined(word, tuple(parts))

    def _negated(self) -> Condition:
        if (token := self._take("not")) is None:
            return self._compared()
        self._deeper(token)
        found = Negation(self._negated())
        self.depth -= 1
        return found

    def _compared(self) -> Condition:
        left = self._operand()
        operator = self._take("==", "!=", "<", "<=", ">", ">=", "in")
        if operator is not None:
            return Comparison(operator.text, left, self._operand())
        if (negation := self._take("not")) is not None:
            if self._take("in") is None:
                message = "`not` cannot stand here."
                hint = "Write `not in`, or join conditions with `and` or `or`."
                raise _Wrong(negation.start, negation.end, message, hint)
            return Comparison("not in", left, self._operand())
        return left

    def _operand(self) -> Condition:
        if self.at >= len(self.tokens):
            end = len(self.text)
            message = "The condition ends where a value is expected."
            raise _Wrong(
                max(0, len(self.text.rstrip()) - 1), end, message, "Write a path or a literal."
            )
        token = self.tokens[self.at]
        self.at += 1
        if token.kind == "text":
            return Literal(re.sub(r"\\(.)", r"\1", token.text[1:-1]))
        if token.kind == "number":
            return Literal(Decimal(token.text) if "." in token.text else int(token.text))
        if token.kind == "word" and token.text not in _KEYWORDS:
            return self._word(token)
        if token.text == "(":
            self._deeper(token)
            found = self._joined("or")
            self._closed(token, ")")
            return found
        if token.text == "[":
            return self._list(token)
        message = f"{token.text!r} stands where a value is expected."
        raise _Wrong(token.start, token.end, message, "Write a path or a literal.")

    def _word(self, token: _Token) -> Condition:
        if token.text in _WORDS:
            return Literal(_WORDS[token.text])
        steps = tuple(token.text.split("."))
        if steps[0] not in _ROOTS:
            message = f"{token.text!r} is neither a path nor a literal."
            hint = (
                f'Quote it if it is text: "{token.text}". Paths start with `steps.` or `inputs.`.'
            )
            raise _Wrong(token.start, token.end, message, hint)
        return Reference(steps, token.start, token.end)

    def _list(self, opening: _Token) -> Condition:
        self._deeper(opening)
        items: list[Condition] = []
        while self._take("]") is None:
            if items:
                self._expect(opening, ",", "]")
            items.append(self._operand())
        self.depth -= 1
        return Several(tuple(items))

    def _closed(self, opening: _Token, sign: str) -> None:
        self._expect(opening, sign, sign)
        self.depth -= 1

    def _expect(self, opening: _Token, sign: str, closing: str) -> None:
        if self._take(sign) is None:
            message = f"{opening.text!r} is not closed."
            raise _Wrong(opening.start, opening.end, message, f"Write {closing!r} where it ends.")

    def _deeper(self, token: _Token) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            message = "The condition is nested too deeply."
            hint = "Let a step with `python` decide, and look at its output."
            raise _Wrong(token.start, token.end, message, hint)

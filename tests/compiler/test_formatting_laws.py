"""Laws of the layout, on files that nobody would write: nothing is lost, and twice is once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agentflow.compiler.formatting.layout import MAX_WIDTH
from agentflow.compiler.formatting.text import format_text
from agentflow.source.yaml import parse

Draw = Callable[[st.SearchStrategy[Any]], Any]

_KEYS = (
    *("tools", "model", "id", "effort", "budget", "usd", "turns", "outputs", "report", "path"),
    *(
        "schema",
        "done",
        "read",
        "bash",
        "tools+",
        "done-",
        "raw",
        "zeta",
        "alpha",
        '"on"',
        "'it''s'",
    ),
)
_SCALARS = (
    *("text", "two words", "1", "2.50", "true", "~", "", "400k", "a#b", "https://example.com/x"),
    *(
        "''",
        '""',
        "'single'",
        '"double"',
        "'it''s'",
        '"a: b"',
        "'a # b'",
        '"\\u200b \\n"',
        '"C:\\\\"',
    ),
    *("'yes'", '"12"', "' padded '", "'-'", '"${var.x}"', "'{{ vars.x }}'", "'é'", "./file.md"),
)
_LONG = ("several\n{0}words", "'one\n{0}two'", '"one\n\n{0}two"', '"one \\\n{0}two"', "a\n\n\n{0}b")
_BLOCKS = ("|", ">", "|-", ">-", "|+", ">+", "| # c{1}", "|2-")
_LINES = ("text", "  more", "", "# no comment", "- no item", "  ", "key: value", "trailing  ")


class Writer:
    """Writes one document in every style YAML has, and counts its comments."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.comments = 0
        self.anchors: list[str] = []
        self.below_block = False
        """A comment that is indented would be a part of the text."""

    def chance(self, one_in: int) -> bool:
        return bool(self.draw(st.integers(1, one_in)) == one_in)

    def pick(self, items: tuple[str, ...]) -> str:
        return str(self.draw(st.sampled_from(items)))

    def comment(self) -> str:
        self.comments += 1
        return f"#{self.pick(('', ' ', '  '))}c{self.comments}"

    def beside(self) -> str:
        return f"  {self.comment()}" if self.chance(5) else ""

    def above(self, indent: int) -> str:
        lines = ""
        while self.chance(4):
            # More or less indented than what follows: both happen.
            shift = self.draw(st.sampled_from((0, 0, -2, 2)))
            margin = " " * (0 if self.below_block else max(0, indent + shift))
            if self.chance(2):
                lines += f"{margin}{self.comment()}\n"
            else:
                lines += self.pick(("\n", "\n\n\n"))
        return lines

    def mapping(self, indent: int, depth: int, *, first: str = "") -> str:
        keys = self.draw(st.lists(st.sampled_from(_KEYS), min_size=1, max_size=4, unique=True))
        text = ""
        for number, key in enumerate(keys):
            above = "" if first and not number else self.above(indent)
            margin = "" if first and not number else " " * indent
            text += f"{above}{margin}{key}:{self.value(indent, depth)}"
        return text

    def items(self, indent: int, depth: int) -> str:
        text = ""
        for _ in range(self.draw(st.integers(1, 3))):
            text += f"{self.above(indent)}{' ' * indent}-"
            if depth and self.chance(3):
                gap = self.draw(st.integers(1, 3))
                text += " " * gap + self.mapping(indent + 1 + gap, depth - 1, first="-")
            else:
                text += self.value(indent, depth)
        return text

    def value(self, indent: int, depth: int) -> str:
        """What follows a `:` or a dash at `indent`, with its line break."""
        deeper = indent + self.draw(st.integers(1, 4))
        anchor = ""
        if self.chance(8):
            anchor = f" &a{len(self.anchors)}"
        style = self.draw(st.integers(0, 8 if depth else 5))
        self.below_block = style == 4
        if style == 5 and self.anchors and not anchor:
            return f" *{self.draw(st.sampled_from(self.anchors))}{self.beside()}\n"
        if style <= 2 or style == 5:
            text = self.pick(_SCALARS)
            body = f"{anchor}{' ' * bool(text)}{text}{self.beside()}\n"
        elif style == 3:
            text = self.pick(_LONG).format(" " * deeper)
            body = f"{anchor} {text}{self.beside()}\n"
        elif style == 4:
            body = anchor + self.block(indent)
        elif style == 6:
            body = f"{anchor} {self.flow(deeper, depth)}{self.beside()}\n"
        elif style == 7:
            body = f"{anchor}{self.beside()}\n{self.mapping(deeper, depth - 1)}"
        else:
            body = f"{anchor}{self.beside()}\n{self.items(deeper, depth - 1)}"
        if anchor:
            self.anchors.append(anchor[2:])
        return body

    def block(self, indent: int) -> str:
        header = self.pick(_BLOCKS)
        if "{1}" in header:
            self.comments += 1
            header = header.format("", self.comments)
        margin = " " * (indent + 2)
        lines = ["first", *self.draw(st.lists(st.sampled_from(_LINES), max_size=4))]
        return f" {header}\n" + "".join(f"{margin if line else ''}{line}\n" for line in lines)

    def flow(self, indent: int, depth: int) -> str:
        is_map = self.chance(2)
        parts = []
        keys = self.draw(st.lists(st.sampled_from(_KEYS), max_size=3, unique=True))
        for key in keys:
            inner = self.pick(("a", "'b'", '"c d"', "e" * 40, "f\n" + " " * indent + "g"))
            if depth and self.chance(3):
                inner = self.flow(indent, depth - 1)
            parts.append(f"{key}: {inner}" if is_map else inner)
        end = f" {self.comment()}\n{' ' * indent}" if self.chance(6) else self.pick(("", " "))
        space = f"\n{' ' * indent}" if self.chance(4) else self.pick(("", " ", "  "))
        start, stop = "{}" if is_map else "[]"
        return start + space + f",{space or ' '}".join(parts) + end + stop


@st.composite
def files(draw: Draw) -> tuple[str, int]:
    """A file, and how many comments it has: `# c1` to `# cN`."""
    writer = Writer(draw)
    text = ""
    for number in range(draw(st.integers(1, 2))):
        writer.anchors = []
        text += f"---{writer.beside()}\n" if number or writer.chance(3) else ""
        kind = writer.pick(("Agent", "Environment", "Project", "Nothing"))
        text += f"{writer.above(0)}kind: {kind}{writer.beside()}\n{writer.mapping(0, 3)}"
        text += writer.above(0)
    return text.replace("\n", draw(st.sampled_from(("\n", "\n", "\r\n")))), writer.comments


@settings(max_examples=300, deadline=None)
@given(files())
def test_formatting_keeps_what_a_file_says(file: tuple[str, int]) -> None:
    text, count = file
    before = parse("a.yaml", text)
    assert before.problems == ()
    after, problems = format_text("a.yaml", text)
    assert problems == ()
    assert [document.data for document in parse("a.yaml", after).value] == [
        document.data for document in before.value
    ]
    # Of each comment one is left, with a space behind its `#` and one before it.
    found = re.findall(r"(?m)(?:^ *|(?<=\S) )#  ?c(\d+)$", after)
    assert sorted(map(int, found)) == list(range(1, count + 1))
    assert format_text("a.yaml", after) == (after, ())


@settings(max_examples=150, deadline=None)
@given(files())
def test_the_layout_is_the_layout(file: tuple[str, int]) -> None:
    after = format_text("a.yaml", file[0]).value
    assert "\r" not in after
    assert after.endswith("\n")
    assert not after.startswith("\n")
    for line in after.splitlines():
        margin = len(line) - len(line.lstrip(" "))
        if re.match(r"(- )*([\w+\"'-]+:|- )", line.lstrip(" ")) and "no item" not in line:
            assert margin % 2 == 0, line
        code = re.sub(r" # {1,2}c\d+$", "", line)
        if code.endswith(("}", "]")) and not code.lstrip(" -").startswith(("kind", "#")):
            assert len(code) <= MAX_WIDTH


_PIECES = (
    *("a: 1\n", "- ", "# c\n", " # d", "\n", "\n\n", "  ", "    ", "|\n", ">-\n", "|+\n", "|2-\n"),
    *('"x"', "'y'", "&k ", "*k", "[", "]", "{", "}", ", ", ": ", "b:", "- c\n", "---\n", "...\n"),
    *(
        "text",
        '"a\\\n b"',
        "kind: Agent\n",
        "name: x\n",
        "\t",
        "? ",
        "#",
        "-",
        "\r\n",
        "é",
        '"\\n"',
    ),
    *("key: |\n  t\n\n   u\n", "tools: {read: allow, bash: ask}\n", "''", "%YAML 1.2\n---\n"),
    *("'it''s'", "\ufeff", "\u2028", "metadata:\n", "# agentflow: ignore[AF501]\n", "<<: ", "!x "),
)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=12).map("".join))
def test_no_text_makes_it_raise_or_change_its_mind(text: str) -> None:
    after, problems = format_text("a.yaml", text)
    if problems:
        assert after == text
        assert all("bug" not in (problem.hint or "") for problem in problems)
        return
    assert format_text("a.yaml", after) == (after, ())


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=30), st.sampled_from("'\""))
def test_a_quoted_text_stays_the_same_text(value: str, quote: str) -> None:
    if quote == "'":
        written = "'" + value.replace("'", "''") + "'"
    else:
        written = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    text = f"a: {written}\nb: [{written}, {{ c: {written} }}]\n{written}: d\n"
    before = parse("a.yaml", text)
    assume(not before.problems)
    after, problems = format_text("a.yaml", text)
    assume(not problems or problems[0].span is None or problems[0].span.column == 1)
    if problems:
        assert re.search("[\x85\u2028\u2029]", value)
        return
    assert parse("a.yaml", after).value[0].data == before.value[0].data

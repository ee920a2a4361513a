"""What can be said about a template without rendering it: names, filters, includes, forbidden tags.

jinja2's syntax tree knows lines only, so each finding is located again in the tokens of its line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import NamedTuple

from jinja2 import Environment, nodes

from agentflow import codes
from agentflow.compiler.fragments import PREFIX
from agentflow.compiler.graph import TemplateText
from agentflow.compiler.jinja_env import FUNCTIONS
from agentflow.compiler.jinja_filters import FILTERS
from agentflow.diagnostics import Code, Diagnostic, Span
from agentflow.nearest import Meant, one_of

__all__ = [
    "TOKEN_LIMIT",
    "Scope",
    "Token",
    "Tokens",
    "Unit",
    "assigned_names",
    "check_unit",
    "includes",
    "line_range",
]


TOKEN_LIMIT = 30_000
"""Of one text: jinja2 takes about a second for so many."""


class Token(NamedTuple):
    start: int
    end: int
    line: int
    """Counted from 1, in the text."""
    type: str
    value: str


class Tokens:
    """The tokens of a text with their places, and a search that uses each place once."""

    def __init__(self, environment: Environment, text: str) -> None:
        self.text = text
        # One more than the limit, so that who asks can tell.
        self.all = tuple(islice(_lex(environment, text), TOKEN_LIMIT + 1))
        self._code = [t for t in self.all if t.type not in {"whitespace", "data"}]
        self._used: set[int] = set()
        # Looked up rather than searched: a text has thousands of tokens, and most are asked for.
        self._by_value: dict[str, list[int]] = {}
        self._by_line: dict[tuple[int, str], list[int]] = {}
        for index, token in enumerate(self._code):
            self._by_value.setdefault(_bare(token), []).append(index)
            self._by_line.setdefault((token.line, _bare(token)), []).append(index)

    def find(self, line: int, *pattern: str, pick: int = -1, again: bool = False) -> Token | None:
        """The next place of consecutive tokens with these values, on `line` if it is there.

        Args:
            line: where the syntax tree says it starts.
            pattern: values of tokens; strings are compared without their quotes.
            pick: which of the tokens found is returned.
            again: also a place that was found before.
        """
        width = len(pattern)
        for candidates in (
            self._by_line.get((line, pattern[0]), ()),
            self._by_value.get(pattern[0], ()),
        ):
            for index in candidates:
                tokens = self._code[index : index + width]
                if (again or index not in self._used) and tuple(map(_bare, tokens)) == pattern:
                    self._used.add(index)
                    return tokens[pick]
        return None

    def on_line(self, line: int) -> tuple[int, int]:
        """The first tag of a line; the whole line if it has none."""
        tokens = [t for t in self._code if t.line == line]
        if tokens:
            end = next((t.end for t in tokens if t.type.endswith("_end")), tokens[-1].end)
            return tokens[0].start, max(end, tokens[0].start)
        return line_range(self.text, line)


def line_range(text: str, line: int) -> tuple[int, int]:
    """Start and end of a line of `text`, without indentation and newline."""
    lines = text.split("\n")
    line = min(max(line, 1), len(lines))
    start = sum(len(each) + 1 for each in lines[: line - 1])
    content = lines[line - 1]
    return start + len(content) - len(content.lstrip()), start + len(content)


def _lex(environment: Environment, text: str) -> Iterator[Token]:
    position = 0
    text = text.replace("\r", "\n")  # as the lexer does, which also takes a pair for one
    for line, type_, value in environment.lex(text):
        # Whitespace that a tag swallows is in no token.
        while not text.startswith(value, position) and position < len(text):
            position += 1
        yield Token(position, position + len(value), line, type_, value)
        position += len(value)


def _bare(token: Token) -> str:
    return token.value[1:-1] if token.type == "string" else token.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a text may name."""

    roots: Mapping[str, Collection[str]]
    """`vars`, `inputs` and `params`, with the names below them."""
    names: Collection[str]
    """Other names: the policy sections of a prompt, or what the template of a section is given."""
    inputs: Collection[str]
    """The agent's inputs, also where they are out of reach."""
    place: str
    """What the text is, for messages: `prompt`, `task`, `fragment 'x'`, `section 'outputs'`."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One parsed text: a prompt, a task, a fragment, or a file that one of them includes."""

    text: TemplateText
    tree: nodes.Template
    tokens: Tokens
    scope: Scope
    owner: str
    """The fragment that the text belongs to; empty for what belongs to the prompt or task itself."""

    def span(self, token: Token | None, line: int) -> Span:
        if token is not None:
            return self.text.span(token.start, token.end)
        return self.text.span(*self.tokens.on_line(line))


def assigned_names(tree: nodes.Template) -> set[str]:
    """Every name a text gives a value to, anywhere: targets, loop variables, macros, arguments.

    Imports count too: they are refused themselves, and what uses their names is no second mistake.
    """
    names = {n.name for n in tree.find_all(nodes.Name) if n.ctx in {"store", "param"}}
    names |= {each.target for each in tree.find_all(nodes.Import)}
    for each in tree.find_all(nodes.FromImport):
        names |= {name if isinstance(name, str) else name[1] for name in each.names}
    return names | {macro.name for macro in tree.find_all(nodes.Macro)}


def includes(unit: Unit) -> Iterator[tuple[nodes.Include, str | None, Span]]:
    """The includes of files in order: the node, the literal name or None, and the place of it."""
    for node in unit.tree.find_all(nodes.Include):
        template = node.template
        if isinstance(template, nodes.Const) and isinstance(template.value, str):
            name = template.value
            if name.startswith(PREFIX):
                continue
            # A name that is put together of several texts is no literal either.
            if token := unit.tokens.find(node.lineno, "include", name):
                yield node, name, unit.span(token, node.lineno)
                continue
        yield node, None, unit.span(unit.tokens.find(node.lineno, "include"), node.lineno)


_FORBIDDEN: dict[type[nodes.Node], tuple[str, str]] = {
    nodes.Import: ("import", "Templates import nothing; write an include."),
    nodes.FromImport: ("from", "Templates import nothing; write an include."),
    nodes.Extends: ("extends", "Templates have no parents; write an include."),
    nodes.Block: ("block", "Templates have no parents; write the text in place."),
    nodes.ScopedEvalContextModifier: ("autoescape", "Nothing is escaped in a prompt."),
}

_RESERVED = frozenset({"inputs", "params", "fragment"})
_OWNERS = {"vars": "agent", "inputs": "agent", "params": "fragment"}
_IN_EVERY_TEXT = {"loop", "caller", "varargs", "kwargs", *FUNCTIONS}


def check_unit(
    unit: Unit, assigned: Collection[str], tests: Collection[str]
) -> Iterator[Diagnostic]:
    """Every undefined name, unknown filter or test, and forbidden tag of one text."""
    checker = _Checker(unit, assigned, tests)
    checker.walk(unit.tree, guarded=False)
    yield from checker.problems


def _is_fragment(call: nodes.Call) -> bool:
    return isinstance(call.node, nodes.Name) and call.node.name == "fragment"


class _Checker:
    def __init__(self, unit: Unit, assigned: Collection[str], tests: Collection[str]) -> None:
        self.unit = unit
        self.scope = unit.scope
        self.assigned = assigned
        self.tests = tests
        self.problems: list[Diagnostic] = []

    def walk(self, node: nodes.Node, *, guarded: bool) -> None:
        """Visit `node` and all below it. `guarded`: a missing name is expected here."""
        if isinstance(node, nodes.Filter):
            self._filter(node)
            guarded_value = guarded or node.name in {"default", "d"}
            if node.node is not None:
                self.walk(node.node, guarded=guarded_value)
            for argument in (*node.args, *node.kwargs):
                self.walk(argument, guarded=guarded)
            return
        if isinstance(node, nodes.Test):
            self._test(node)
            guarded = guarded or node.name in {"defined", "undefined"}
        elif self._member(node, guarded=guarded):
            return
        elif isinstance(node, nodes.Call) and _is_fragment(node):
            for argument in (*node.args, *node.kwargs):
                self.walk(argument, guarded=guarded)
            return
        elif isinstance(node, nodes.Name):
            self._name(node, guarded=guarded)
        else:
            self._forbidden(node)
        for child in node.iter_child_nodes():
            self.walk(child, guarded=guarded)

    def _member(self, node: nodes.Node, *, guarded: bool) -> bool:
        """`vars.x` and `vars["x"]`; False if `node` is something else."""
        if not isinstance(node, (nodes.Getattr, nodes.Getitem)):
            return False
        root = node.node
        if not isinstance(root, nodes.Name) or root.name not in self.scope.roots:
            return False
        if isinstance(node, nodes.Getattr):
            name, pattern = node.attr, (root.name, ".", node.attr)
        elif isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            name, pattern = node.arg.value, (root.name, "[", node.arg.value)
        else:
            return False
        known = self.scope.roots[root.name]
        # Each place is looked up, also of a name that is known: two uses on a line stay apart.
        token = self.unit.tokens.find(node.lineno, *pattern)
        methods = {"items", "keys", "values", "get"}
        if name not in known and name not in methods and not guarded:
            near = get_close_matches(name, sorted(known), n=1)
            hint = (
                Meant(f"Did you mean {root.name}.{near[0]}?", word=name, near=near[0])
                if near
                else f"Declare it in the {_OWNERS[root.name]}'s `{root.name}`."
            )
            message = f"The {self.scope.place} uses {root.name}.{name}, which is not declared."
            self._report(codes.TEMPLATE_UNDEFINED, token, node.lineno, message, hint)
        return True

    def _name(self, node: nodes.Name, *, guarded: bool) -> None:
        scope, name = self.scope, node.name
        reserved = name in scope.roots or name in scope.names or name in _RESERVED
        if node.ctx != "load":
            if reserved:
                token = self.unit.tokens.find(node.lineno, name)
                message = f"The {scope.place} gives {name!r} another value."
                hint = "Choose another name."
                self._report(codes.TEMPLATE_FORBIDDEN, token, node.lineno, message, hint)
            return
        known = name in scope.roots or name in scope.names or name in self.assigned
        if known or name in _IN_EVERY_TEXT:
            return
        token = self.unit.tokens.find(node.lineno, name)
        if name == "inputs":
            message = f"The {scope.place} uses inputs, which are known only when a run starts."
            hint = "Move what depends on inputs to `task`."
            self._report(codes.TEMPLATE_INPUTS_IN_PROMPT, token, node.lineno, message, hint)
        elif not guarded:
            message = f"The {scope.place} uses {name!r}, which is not defined."
            self._report(codes.TEMPLATE_UNDEFINED, token, node.lineno, message, self._near(name))

    def _near(self, name: str) -> str:
        scope = self.scope
        for root, members in scope.roots.items():
            if name in members:
                return f"Write {root}.{name}."
        if name == "fragment":
            return 'Call it with the name of a fragment: {{ fragment("name") }}.'
        if name == "params":
            return "Parameters are known inside a fragment only."
        if name in scope.inputs:
            return "It is an input: move what depends on inputs to `task`."
        everything = {m: f"{root}.{m}" for root, ms in scope.roots.items() for m in ms}
        everything |= {known: known for known in (*scope.names, *scope.roots)}
        near = get_close_matches(name, sorted(everything), n=1)
        if near:
            meant = everything[near[0]]
            return Meant(f"Did you mean {meant}?", word=name, near=meant)
        if name.endswith("_section"):
            return "Policy sections are placed in the prompt, not in the task."
        sees = [f"`{root}`" for root in scope.roots]
        if name_list := list(scope.names):
            own = name_list[0].endswith("_section")
            sees += ["the policy sections"] if own else [f"`{each}`" for each in name_list]
        article = "A" if scope.place in {"prompt", "task"} else "The"
        return f"{article} {scope.place} sees {one_of(sees, joined='and')}."

    def _filter(self, node: nodes.Filter) -> None:
        token = self.unit.tokens.find(node.lineno, "|", node.name)
        if node.name not in FILTERS:
            self._unknown("filter", node.name, FILTERS, token, node.lineno)

    def _test(self, node: nodes.Test) -> None:
        if node.name not in self.tests:
            token = self.unit.tokens.find(node.lineno, node.name)
            self._unknown("test", node.name, self.tests, token, node.lineno)

    def _unknown(
        self, what: str, name: str, known: Collection[str], token: Token | None, line: int
    ) -> None:
        near = get_close_matches(name, sorted(known), n=1)
        hint = "See `agentflow explain AF307`."
        if near:
            hint = Meant(f"Did you mean {near[0]!r}?", word=name, near=near[0])
        message = f"There is no {what} {name!r}."
        self._report(codes.TEMPLATE_UNKNOWN_FILTER, token, line, message, hint)

    def _forbidden(self, node: nodes.Node) -> None:
        for kind, (word, hint) in _FORBIDDEN.items():
            if isinstance(node, kind):
                token = self.unit.tokens.find(node.lineno, word)
                message = f"The tag {word!r} is not available in templates."
                self._report(codes.TEMPLATE_FORBIDDEN, token, node.lineno, message, hint)
        if isinstance(node, nodes.For) and node.recursive:
            token = self.unit.tokens.find(node.lineno, "recursive")
            message = "Recursive loops are not available in templates."
            hint = "Write a loop for each level."
            self._report(codes.TEMPLATE_FORBIDDEN, token, node.lineno, message, hint)

    def _report(self, code: Code, token: Token | None, line: int, message: str, hint: str) -> None:
        self.problems.append(code.at(self.unit.span(token, line), message, hint=hint))

"""Put includes, fragments and variables into a task, so that what is left depends on its inputs only.

It works on tokens and not on the tree, because the result is a template again, and one that a person
can read in the manifest: `Analyse {{ inputs.orders }} for Northwind.`

The first reading has already dropped the whitespace that tags swallow. So the result swallows none:
it is rendered with `PromptEnvironment(swallow=False)`.

A fragment whose parameters are all known is put in like an include. One that is given something of the
run stands between `{% with params = {…} %}` and `{% endwith %}`, and the filter `parameter` checks what
it is given then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from jinja2 import nodes

from agentflow import codes
from agentflow.compiler.fragments import PREFIX, Fragments, Param, misfit
from agentflow.compiler.jinja_calls import DYNAMIC, constant, takes_newline
from agentflow.compiler.jinja_check import Token, assigned_names
from agentflow.compiler.jinja_env import PromptEnvironment, fragment_key
from agentflow.compiler.jinja_units import Units
from agentflow.compiler.jinja_values import plain_text, trim_end
from agentflow.diagnostics import Checked, Diagnostic

__all__ = ["bind"]

_MARKS = {
    "variable_begin": "{{",
    "variable_end": "}}",
    "block_begin": "{%",
    "block_end": "%}",
    "raw_begin": "{% raw %}",
    "raw_end": "{% endraw %}",
}
"""Delimiters without the signs and newlines that control whitespace."""

_Roots = Mapping[str, Mapping[str, Any]]
"""What is known when the task is bound: `vars`, and `params` where they are."""


def bind(units: Units, fragments: Fragments, variables: Mapping[str, Any]) -> Checked[str]:
    """The text of checked units as one template over `inputs`."""
    binder = _Binder(units, fragments)
    text = "".join(binder.text(units.root, {"vars": variables}))
    return Checked(text, tuple(binder.problems))


class _Binder:
    def __init__(self, units: Units, fragments: Fragments) -> None:
        self.units = units
        self.fragments = fragments
        self.environment = PromptEnvironment()
        self.problems: list[Diagnostic] = []

    def text(self, key: str, roots: _Roots) -> Iterator[str]:
        """The text of one unit with everything put in, piece by piece."""
        tokens = [t for t in self.units.by_key[key].tokens.all if not t.type.startswith("comment")]
        index = 0
        while index < len(tokens):
            token = tokens[index]
            tag = _tag(tokens, index) if token.type in {"variable_begin", "block_begin"} else ()
            whole = list(self._whole(key, tag, roots)) if tag else []
            if whole:
                yield from whole
                index += len(tag)
            else:
                piece, width = _piece(tokens, index, roots)
                yield piece
                index += width

    def _whole(self, key: str, tag: Sequence[Token], roots: _Roots) -> Iterator[str]:
        """What takes the place of a whole tag; nothing at all where it stays a tag."""
        words = [token.value for token in tag if token.type != "whitespace"]
        if len(words) == 5 and words[2] == "." and _is_text(roots.get(words[1], {}), words[3]):
            yield plain_text(roots[words[1]][words[3]])
        elif len(words) >= 4 and words[1] == "include" and not words[2][1:].startswith(PREFIX):
            yield from self._scoped(self.units.target(key, words[2][1:-1]), roots)
        elif len(words) >= 4 and words[1] == "include":
            yield from self._fragment(key, words[2][1:-1].removeprefix(PREFIX), {}, roots)
            yield "\n" if takes_newline(tag[-1].value) else ""
        elif len(words) >= 6 and words[1:3] == ["fragment", "("]:
            yield from self._fragment(key, words[3][1:-1], _arguments(tag), roots)

    def _scoped(self, key: str, roots: _Roots) -> Iterator[str]:
        """A unit in the place of its include, from which no name gets out."""
        names = assigned_names(self.units.by_key[key].tree)
        yield "{% with %}" if names else ""
        yield from self.text(key, roots)
        yield "{% endwith %}" if names else ""

    def _fragment(
        self, key: str, name: str, arguments: Mapping[str, Sequence[Token]], roots: _Roots
    ) -> Iterator[str]:
        """A fragment in the place of its call."""
        fragment = self.fragments[name]
        values = {name: param.default for name, param in fragment.params.items()}
        values |= {name: self._constant(tokens, roots) for name, tokens in arguments.items()}
        for param, tokens in arguments.items():
            wrong = None
            if values[param] is not DYNAMIC:
                wrong = misfit(fragment.params[param], values[param])
            if wrong is not None:
                self._report_misfit(key, tokens, f"The parameter {param!r} {wrong}.")
        inner = {"vars": roots["vars"]}
        if all(value is not DYNAMIC for value in values.values()):
            text = "".join(self._scoped(fragment_key(name), {**inner, "params": values}))
            yield self._trimmed(name, text)
            return
        pairs = [
            f"{_literal(name)}: "
            + (
                _checked(name, fragment.params[name], _expression(arguments[name], roots))
                if value is DYNAMIC
                else _literal(value)
            )
            for name, value in values.items()
        ]
        yield f"{{% with params = {{{', '.join(pairs)}}} %}}"
        yield self._trimmed(name, "".join(self.text(fragment_key(name), inner)))
        yield "{% endwith %}"

    def _trimmed(self, name: str, text: str) -> str:
        """The bound text of a fragment, made to end without whitespace whatever it renders to."""
        if "{" not in text:
            return trim_end(text)
        last = self.units.by_key[fragment_key(name)].tokens.all[-1]
        return text if last.type == "data" else f"{{% filter trim_end %}}{text}{{% endfilter %}}"

    def _constant(self, tokens: Sequence[Token], roots: _Roots) -> Any:
        """The value of an argument, or DYNAMIC."""
        words = [token.value for token in tokens if token.type != "whitespace"]
        if len(words) == 3 and words[1] == "." and words[2] in roots.get(words[0], {}):
            return roots[words[0]][words[2]]
        tree = self.environment.parse(f"{{{{ ({_expression(tokens, roots)}) }}}}")
        return constant(next(iter(tree.find_all(nodes.Output))).nodes[0])

    def _report_misfit(self, key: str, tokens: Sequence[Token], message: str) -> None:
        span = self.units.by_key[key].text.span(tokens[0].start, tokens[-1].end)
        hint, trail = "Give it a value that fits.", self.units.trail(key)
        self.problems.append(codes.FRAGMENT_PARAMETER.at(span, message, hint=hint, related=trail))


def _checked(name: str, param: Param, expression: str) -> str:
    """An expression over the inputs of a run, checked when they are known."""
    enum = [] if param.enum is None else [_literal(list(param.enum))]
    arguments = ", ".join([_literal(name), _literal(param.type), *enum])
    return f"({expression}) | parameter({arguments})"


def _expression(tokens: Sequence[Token], roots: _Roots) -> str:
    """An expression with what is known put in."""
    pieces, index = [], 0
    while index < len(tokens):
        piece, width = _piece(tokens, index, roots)
        pieces.append(piece)
        index += width
    return "".join(pieces).strip()


def _piece(tokens: Sequence[Token], index: int, roots: _Roots) -> tuple[str, int]:
    """What a token becomes, and how many tokens that covers."""
    token = tokens[index]
    if token.type == "name" and token.value in roots and not _is_member(tokens, index):
        root = roots[token.value]
        values = [t.value for t in tokens[index + 1 : index + 3]]
        if len(values) == 2 and values[0] == "." and values[1] in root:
            return _literal(root[values[1]]), 3
        return _literal(root), 1
    raw = index > 0 and tokens[index - 1].type == "raw_begin"
    return _written(token, raw=raw), 1


def _arguments(tag: Sequence[Token]) -> dict[str, Sequence[Token]]:
    """The named arguments of the call in a tag, each with the tokens of its value."""
    code = [token for token in tag if token.type != "whitespace"]
    depth = 0
    parts: list[list[Token]] = [[]]
    for token in code[3:-2]:  # without `{{ fragment (` and `) }}`
        if token.type == "operator":
            depth += (token.value in "([{") - (token.value in ")]}")
        if token.value == "," and token.type == "operator" and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    first = {part[0].value: part[2:] for part in parts[1:] if part}
    # With the whitespace between words, as in `a if b else c`.
    return {
        name: tag[tag.index(value[0]) : tag.index(value[-1]) + 1] for name, value in first.items()
    }


def _written(token: Token, *, raw: bool) -> str:
    if token.type == "data" and not raw and token.value.endswith("{"):
        # What follows may begin with a brace now that comments and tags are gone.
        return token.value[:-1] + '{{ "{" }}'
    return _MARKS.get(token.type, token.value)


def _tag(tokens: Sequence[Token], index: int) -> Sequence[Token]:
    """The tokens of the tag that begins at `index`, up to and with its end."""
    end_type = tokens[index].type.replace("begin", "end")
    end = next(i for i in range(index, len(tokens)) if tokens[i].type == end_type)
    return tokens[index : end + 1]


def _is_text(values: Mapping[str, Any], name: str) -> bool:
    """Whether a value can stand in the text as it is: written out, it must not be a template."""
    value = values.get(name)
    return isinstance(value, (str, int, float, Decimal)) and "{" not in plain_text(value)


def _is_member(tokens: Sequence[Token], index: int) -> bool:
    """Whether a name is no root: `x.vars`, `x | vars`, and the parameter in `f(vars=1)`."""
    before = next((t for t in reversed(tokens[:index]) if t.type != "whitespace"), None)
    after = next((t for t in tokens[index + 1 :] if t.type != "whitespace"), None)
    named = after is not None and after.value == "=" and after.type == "operator"
    return named or (before is not None and before.value in {".", "|"})


def _literal(value: object) -> str:
    """A value as a Jinja expression."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    if isinstance(value, str):
        # Jinja decodes escapes as Python does; braces and percent signs must not look like tags.
        escaped = value.encode("unicode_escape").decode("ascii").replace('"', '\\"')
        return '"' + escaped.replace("{", "\\x7b").replace("}", "\\x7d").replace("%", "\\x25") + '"'
    text = "none" if value is None else plain_text(value)
    return f"({text})" if text.startswith("-") else text

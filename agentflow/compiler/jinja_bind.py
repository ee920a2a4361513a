"""Put includes and variables into a task, so that what is left depends on the inputs of a run only.

It works on tokens and not on the tree, because the result is a template again, and one that a person
can read in the manifest: `Analyse {{ inputs.orders }} for Northwind.`

The first reading has already dropped the whitespace that tags swallow. So the result swallows none:
it is rendered with `PromptEnvironment(swallow=False)`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from agentflow.compiler.jinja_check import Token, Unit
from agentflow.compiler.jinja_env import plain_text
from agentflow.compiler.jinja_render import Compilation

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


def bind(compilation: Compilation, variables: Mapping[str, Any]) -> str:
    """The text of a checked compilation as one template over `inputs`."""
    return "".join(_bound(compilation, compilation.root, variables))


def _bound(compilation: Compilation, path: str, variables: Mapping[str, Any]) -> Iterator[str]:
    unit = compilation.units[path]
    tokens = [token for token in unit.tokens.all if not token.type.startswith("comment")]
    index = 0
    while index < len(tokens):
        token = tokens[index]
        tag = _tag(tokens, index) if token.type in {"variable_begin", "block_begin"} else ()
        words = [t.value for t in tag if t.type != "whitespace"]
        if len(words) == 5 and words[1:3] == ["vars", "."] and _is_text(variables, words[3]):
            yield plain_text(variables[words[3]])
            index += len(tag)
        elif len(words) >= 4 and words[1] == "include":
            yield from _bound(compilation, _target(unit, words[2]), variables)
            index += len(tag)
        elif token.type == "name" and token.value == "vars" and not _is_member(tokens, index):
            values = [t.value for t in tokens[index + 1 : index + 3]]
            if len(values) == 2 and values[0] == "." and values[1] in variables:
                yield _literal(variables[values[1]])
                index += 3
            else:
                yield _literal(variables)
                index += 1
        else:
            raw = index > 0 and tokens[index - 1].type == "raw_begin"
            yield _written(token, raw=raw)
            index += 1


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


def _is_text(variables: Mapping[str, Any], name: str) -> bool:
    """Whether a variable can stand in the text as it is: written out, it must not be a template."""
    value = variables.get(name)
    return isinstance(value, (str, int, Decimal)) and "{" not in plain_text(value)


def _target(unit: Unit, name: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(unit.text.name), name[1:-1]))


def _is_member(tokens: Sequence[Token], index: int) -> bool:
    """`x.vars` is not our `vars`."""
    before = next((t for t in reversed(tokens[:index]) if t.type != "whitespace"), None)
    return before is not None and before.value in {".", "|"}


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
    return plain_text(value).replace("null", "none") if value is None else plain_text(value)

"""[io] The form of a delivered file: its JSON Schema and its sections.

What it reads was written by an agent, so it runs in a worker process that is stopped when it takes too
long; see `outputs`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["form_problems", "headings"]


def form_problems(
    path: str, schema: Mapping[str, Any] | None, sections: Sequence[str]
) -> list[str]:
    """What is wrong with a file, as ends of sentences that begin with its name.

    Args:
        path: of a file that is not empty.
        schema: None: any content.
        sections: headings it must have, in this order.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return [f"is not UTF-8 text (byte {error.start})."]
    problems = [] if schema is None else _schema_problems(schema, text)
    return problems + _section_problems(sections, text)


def _schema_problems(schema: Mapping[str, Any], text: str) -> list[str]:
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        return ["is not JSON that can be read: it is nested too deeply."]
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError):
            return [f"is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."]
        return [f"is not JSON: {error}."]
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for
    from referencing import Registry

    validator_class = validator_for(schema, default=Draft202012Validator)
    try:
        # Without a registry of its own, a validator fetches what a schema refers to.
        errors = sorted(
            validator_class(dict(schema), registry=Registry()).iter_errors(value),
            key=lambda e: list(map(str, e.absolute_path)),
        )
    except RecursionError:
        return ["cannot be held against its schema: it is nested too deeply."]
    except Exception as error:  # a reference to nothing, a number that has no exact form
        return [f"cannot be held against its schema: {_short(str(error))}."]
    shown = [f"does not fit its schema at {e.json_path}: {_short(e.message)}." for e in errors[:5]]
    if len(errors) > 5:
        shown.append(f"has {len(errors) - 5} more places that do not fit its schema.")
    return shown


def _no_constant(name: str) -> object:
    """Python writes and reads these; no other reader of the file would."""
    raise ValueError(f"it holds {name}")


def _short(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:300]}…"


def _section_problems(sections: Sequence[str], text: str) -> list[str]:
    """Sections must all be there and in their order; others may stand between them."""
    found = [_plain(heading) for heading in headings(text)]
    problems: list[str] = []
    after = 0
    for section in sections:
        wanted = _plain(section)
        if wanted in found[after:]:
            after = found.index(wanted, after) + 1
        elif wanted in found:
            problems.append(f"has the section {section!r} in the wrong place.")
        else:
            problems.append(f"has no section {section!r}.")
    return problems


def _plain(heading: str) -> str:
    return " ".join(re.sub(r"[*_`]", "", heading).split()).casefold()


_ATX = re.compile(r" {0,3}#{1,6}(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")


def headings(text: str) -> list[str]:
    """The headings of a Markdown text in order, underlined ones too, but none inside code fences."""
    found: list[str] = []
    fence = ""
    above = ""
    for line in text.splitlines():
        opening = _FENCE.match(line)
        if fence:
            if opening and opening[1].startswith(fence) and not opening[2].strip():
                fence = ""
            continue
        if opening and not (opening[1][0] == "`" and "`" in opening[2]):
            fence, above = opening[1], ""
        elif atx := _ATX.match(line):
            found.append((atx[1] or "").strip())
            above = ""
        elif above and _SETEXT.match(line):
            found.append(above)
            above = ""
        else:
            # Only a paragraph can be underlined: no list item, quote, table or indented code.
            above = "" if re.match(r" {4}|\t|\s*([-*+>|]|\d+[.)])", line) else line.strip()
    return found

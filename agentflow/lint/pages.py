"""Generated files about codes: docs/rules/, docs/service.md, and the catalogue with its schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from agentflow.compiler.dated import FACTS, Fact
from agentflow.diagnostics import Code, Level, Severity
from agentflow.lint.catalogue import FAMILIES, OURS, as_data, facts_of, kind, listed, mended
from agentflow.lint.rule import Rule

__all__ = ["GENERATED"]

_WARNING = "<!-- Generated from the code; edits here are lost. -->\n\n"


# docs/rules/


def _family_page(family: str) -> str:
    sections = [f"{_WARNING}# {family}: {FAMILIES[family]}"]
    for code in listed(family):
        rule = OURS.rules.get(code.id)
        sections.append(f"## {code.id} {code.name}\n\n**{code.title}** {_sentence(code, rule)}")
        sections += [code.explanation, mended(code)]
        if rule is not None:
            sections += [f"Bad:\n\n```yaml\n{rule.bad}```", f"Good:\n\n```yaml\n{rule.good}```"]
        sections += [
            f"Rests on [{id}](../service.md#{id}), as of {fact.as_of}"
            f"{', which is disputed' if fact.contrary else ''}."
            for id, fact in facts_of(code).items()
        ]
    return "\n\n".join(part for part in sections if part) + "\n"


def _sentence(code: Code, rule: Rule | None) -> str:
    since = f" Since {rule.since}." if rule else ""
    return f"({kind(code, rule)}){since}"


def _link(code: Code, *, folder: str = "") -> str:
    return f"[{code.id}]({folder}{code.family}.md#{code.id.lower()}-{code.name})"


def _index_page() -> str:
    rows = [
        f"| {_link(code)} | {code.name} | {code.severity} | {code.title} |"
        for family in FAMILIES
        for code in listed(family)
    ]
    return (
        f"{_WARNING}# Codes\n\n"
        "What `agentflow` reports, by code. `agentflow explain AF501` prints the same page. AF0 to "
        "AF4 come from the compiler; from AF5 on they are rules of `agentflow lint`, which can be "
        "suppressed where they do not fit:\n\n"
        "```yaml\n"
        "tools:\n"
        "  bash: ask  # agentflow: ignore[AF602] every call is to be denied\n"
        "```\n\n"
        "Such a comment covers its line with the value of the key on it; on a line of its own the "
        "key or list item below; before the first key of a file the whole file, as does "
        "`ignore-file[AF602]` wherever it stands. In a prompt, write "
        "`{# agentflow: ignore[AF505] reason #}`. For a whole project: `lint: { ignore: [AF605] }` "
        "in its Project. More in [the guide to lint](../lint.md). Rules of your own are "
        "[plugins](../plugins.md).\n\n"
        "| code | name | severity | |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )


# docs/service.md


def _service_page() -> str:
    sections = [
        f"{_WARNING}# What agentflow takes the service to do\n\n"
        "Findings of lint and of the compiler rest on what the service does. Where that has a date or "
        "is disputed it stands here, and in the code in one table: a change of the service is an edit "
        "of that table. Without a source at hand nobody can tell whether a finding is still right, so "
        "each has one."
    ]
    for id, fact in FACTS.items():
        codes = ", ".join(_link(OURS.codes[code], folder="rules/") for code in fact.codes)
        parts = [f"## {id}", fact.claim, _told(fact), f"As of {fact.as_of}: {_source(fact)}."]
        parts += [f"Disputed: {fact.contrary}"] if fact.contrary else []
        sections += [part for part in (*parts, f"Used by {codes}.") if part]
    return "\n\n".join(sections) + "\n"


def _source(fact: Fact[object]) -> str:
    return f"<{fact.source}>" if fact.source.startswith("https://") else fact.source


def _told(fact: Fact[object]) -> str:
    """The value: rows for what has names, else words. Empty: there is none to tell."""
    value = fact.value
    if isinstance(value, Mapping):
        rows = [f"| `{key}` | {_cells(item)} |" for key, item in value.items()]
        width = _cells(next(iter(value.values()))).count("|") + 1
        return "\n".join(["| |" + _names(value), "|---" * (width + 1) + "|", *rows])
    if isinstance(value, tuple | frozenset):
        return ", ".join(f"`{item}`" for item in sorted(value)) + "."
    return "" if value is None or isinstance(value, bool) else f"Value: {value}."


def _names(value: Mapping[str, Any]) -> str:
    first = next(iter(value.values()))
    fields: tuple[str, ...] = first._fields
    return "".join(f" {field.replace('_', ' ')} |" for field in fields)


def _cells(item: Any) -> str:
    words = {True: "yes", False: "no"}
    return " | ".join(
        words.get(part, str(part)) if isinstance(part, bool) else str(part) for part in item
    )


# For programs


def _catalogue() -> str:
    return json.dumps(as_data(), indent=2, ensure_ascii=False) + "\n"


def _object(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _catalogue_schema() -> str:
    text, date = {"type": "string"}, {"type": "string", "format": "date"}
    fact = _object(
        {
            "claim": text,
            "value": {
                "description": "What rules compute with. null: the fact is their reason only."
            },
            "as_of": date,
            "source": text,
            "contrary": {"type": ["string", "null"], "description": "What else is said of it."},
        }
    )
    code = _object(
        {
            "code": {"type": "string", "pattern": r"^[A-Z]{2,8}\d{2,4}$"},
            "name": text,
            "family": text,
            "severity": {"enum": [severity.value for severity in Severity]},
            "level": {"enum": [level.value for level in Level]},
            "title": text,
            "explanation": text,
            "rule": {"type": "boolean", "description": "Whether it is a rule of lint."},
            "fix": {
                "enum": ["safe", "unsafe", "depends", None],
                "description": "Which fixes it has: `lint --fix` makes those that are safe, `--unsafe` "
                "all. null: none, or nobody says.",
            },
            "fix_does": {"type": ["string", "null"], "description": "What they do."},
            "facts": {"type": "array", "items": text, "description": "What it rests on, by id."},
            "plugin": {"type": ["string", "null"], "description": "null: it is agentflow's own."},
            "confidence": {"enum": ["high", "medium", "low"]},
            "since": text,
            "bad": text,
            "good": text,
        },
        *("confidence", "since", "bad", "good"),
    )
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The codes of agentflow: what `agentflow explain --format json` prints",
        **_object(
            {
                "format": {"const": 1},
                "families": {"type": "object", "additionalProperties": text},
                "facts": {"type": "object", "additionalProperties": fact},
                "codes": {"type": "array", "items": code},
            }
        ),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


GENERATED: dict[str, Callable[[], str]] = {
    "docs/rules/README.md": _index_page,
    **{f"docs/rules/{family}.md": partial(_family_page, family) for family in FAMILIES},
    "docs/service.md": _service_page,
    "schemas/catalogue.json": _catalogue_schema,
    "schemas/rules.json": _catalogue,
}
"""Files that are made from the code, by path from the root of the repository."""

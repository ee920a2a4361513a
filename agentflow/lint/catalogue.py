"""The catalogue of codes as text: pages for `agentflow explain`, for docs/ and for other programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from agentflow import nearest as names
from agentflow.diagnostics import Code, Level
from agentflow.lint.engine import KNOWN
from agentflow.lint.registry import RULES
from agentflow.lint.rule import Rule

__all__ = ["FAMILIES", "GENERATED", "explain", "index", "nearest"]

FAMILIES: dict[str, str] = {
    "AF0": "Reading files and comments",
    "AF1": "The shape of a spec",
    "AF2": "References and substitution",
    "AF3": "Templates",
    "AF4": "Plan and state",
    "AF5": "Prompts and policies",
    "AF6": "Tools and permissions",
    "AF7": "Environments and network",
    "AF8": "Budgets and models",
    "AF9": "Secrets and safety",
    "AF10": "Teams, deployments, flows and policies",
}
"""Topic of the codes that begin so."""

_RULES: dict[str, Rule] = {rule.code.id: rule for rule in RULES}
_WARNING = "<!-- Generated from the code; edits here are lost. -->\n\n"


def _find(word: str) -> Code | None:
    wanted = word.strip().casefold()
    return next(
        (code for code in KNOWN.values() if wanted in (code.id.casefold(), code.name)), None
    )


def explain(word: str) -> str | None:
    """The page of a code or a name, or the codes of a family, as plain text. None: there is none."""
    code = _find(word)
    if code is None:
        return _listed(word.strip().upper())
    rule = _RULES.get(code.id)
    parts = [f"{code.id} {code.name} ({_kind(code, rule)})", code.title, code.explanation]
    if rule is not None:
        parts += ["Bad:", _indented(rule.bad), "Good:", _indented(rule.good), _suppression(code)]
    return "\n\n".join(part for part in parts if part) + "\n"


def nearest(word: str) -> str | None:
    """The code or name that was probably meant."""
    return names.nearest(word, [*KNOWN, *(code.name for code in KNOWN.values())])


def index() -> str:
    """Every code with its name and title, one a line, by family."""
    return "\n".join(listed for family in FAMILIES if (listed := _listed(family)))


def _listed(family: str) -> str | None:
    """The codes of a family, one a line. None: there are none."""
    codes = _codes(family) if family in FAMILIES else []
    if not codes:
        return None
    width = max(len(code.name) for code in KNOWN.values())
    lines = [f"{code.id}  {code.name:<{width}}  {code.title}" for code in codes]
    return "\n".join([f"{family}: {FAMILIES[family]}", *lines]) + "\n"


def _codes(family: str) -> list[Code]:
    return [KNOWN[id] for id in sorted(KNOWN) if KNOWN[id].family == family]


def _kind(code: Code, rule: Rule | None) -> str:
    words = [str(code.severity)]
    words += [f"{rule.confidence} confidence"] if rule else []
    words += [f"from level {code.level} on"] if code.level is not Level.REGULAR else []
    return ", ".join(words)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip("\n").split("\n"))


def _suppression(code: Code) -> str:
    return f"To allow it in one place: # agentflow: ignore[{code.id}] and the reason"


def _family_page(family: str) -> str:
    sections = [f"{_WARNING}# {family}: {FAMILIES[family]}"]
    for code in _codes(family):
        rule = _RULES.get(code.id)
        sections.append(f"## {code.id} {code.name}\n\n**{code.title}** {_sentence(code, rule)}")
        sections.append(code.explanation)
        if rule is not None:
            sections += [f"Bad:\n\n```yaml\n{rule.bad}```", f"Good:\n\n```yaml\n{rule.good}```"]
    return "\n\n".join(part for part in sections if part) + "\n"


def _sentence(code: Code, rule: Rule | None) -> str:
    since = f" Since {rule.since}." if rule else ""
    return f"({_kind(code, rule)}){since}"


def _index_page() -> str:
    rows = [
        f"| [{code.id}]({family}.md#{code.id.lower()}-{code.name}) | {code.name} | {code.severity} "
        f"| {code.title} |"
        for family in FAMILIES
        for code in _codes(family)
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
        "in its Project. More in [the guide to lint](../lint.md).\n\n"
        "| code | name | severity | |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def _rules_json() -> str:
    entries = [
        {
            "code": code.id,
            "name": code.name,
            "severity": code.severity.value,
            "level": code.level.value,
            "title": code.title,
            "explanation": code.explanation,
            "rule": id in _RULES,
            **(
                {
                    "confidence": _RULES[id].confidence,
                    "since": _RULES[id].since,
                    "bad": _RULES[id].bad,
                    "good": _RULES[id].good,
                }
                if id in _RULES
                else {}
            ),
        }
        for id, code in sorted(KNOWN.items())
    ]
    return json.dumps({"format": 1, "codes": entries}, indent=2, ensure_ascii=False) + "\n"


GENERATED: dict[str, Callable[[], str]] = {
    "docs/rules/README.md": _index_page,
    **{
        f"docs/rules/{family}.md": partial(_family_page, family)
        for family in FAMILIES
        if _codes(family)
    },
    "schemas/rules.json": _rules_json,
}
"""Files that are made from the code, by path from the root of the repository."""

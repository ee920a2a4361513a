"""`docs/api.md`: for every field of the service, the YAML that sets it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.api_words import KIND_OF, WORDS, Words
from tests.support.sdk_fields import fields_of

__all__ = ["api_page", "words_for"]

_TITLES = {
    "agent": "Agents",
    "environment": "Environments",
    "session": "Sessions",
    "deployment": "Deployments",
    "vault": "Vaults",
    "credential": "Credentials",
    "memory_store": "Memory stores",
    "skill": "Skills",
}
_ABOUT = {
    "session": "Those that `agentflow run` starts: an agent's spec says what each is given. Limits "
    "other than `budget.usd`, outputs and approvals are kept by agentflow, and not by the service.",
    "credential": "They belong to a vault, and stand in its spec.",
    "skill": "Skills of Anthropic (`anthropic`) are not uploaded: an agent names them.",
}

_HEAD = """<!-- Generated: run the tests with AGENTFLOW_UPDATE=1. -->

# The service's fields

Every field of the requests that create something on the service, as the installed SDK types them, and the
YAML that sets it. `[]` stands for an item of a list, `[custom]` for the form of an item whose `type` is
`custom`, and a name in capitals for a key of your own or for one of several. A field of the service that
is not in this table has no word yet: `raw:` sets it. [The spec language](spec.md) has the rest.
"""


def words_for(kind: str, path: str) -> Words | None:
    """What the table says of a field. None: it does not know it."""
    table = WORDS[kind]
    if path in table:
        return table[path]
    for pattern, words in table.items():
        if pattern.endswith(".**") and path.startswith(pattern.removesuffix("**")):
            return words
    return None


def _cell(words: Words | None) -> str:
    if words is None:
        return "?"
    shown = ", ".join(f"`{path}`" for path in words.yaml)
    return f"{shown} ({words.note})" if shown and words.note else shown or words.note


def _rows(kind: str) -> Iterator[str]:
    """One row for each field, and one for all that stand below a `.**`."""
    told: set[str] = set()
    for field in fields_of(kind).values():
        below = next((p for p in WORDS[kind] if _covers(p, field.path)), None)
        if below is None:
            yield f"| `{field.path}` | {field.type} | {_cell(words_for(kind, field.path))} |"
        elif below not in told:
            told.add(below)
            yield f"| `{below.removesuffix('.**')}` … | | {_cell(WORDS[kind][below])} |"


def _covers(pattern: str, path: str) -> bool:
    return pattern.endswith(".**") and path.startswith(pattern.removesuffix("**"))


def api_page() -> str:
    parts = [_HEAD]
    for kind, title in _TITLES.items():
        parts.append(f"## {title}\n")
        parts.append(f"Set by the kind `{KIND_OF[kind]}`. {_ABOUT.get(kind, '')}".rstrip() + "\n")
        parts.append("| field | type | YAML |\n|---|---|---|")
        parts += _rows(kind)
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"

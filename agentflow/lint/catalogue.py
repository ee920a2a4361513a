"""The catalogue of codes: pages for `agentflow explain`, and the same as data for other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from agentflow import nearest as names
from agentflow.compiler.dated import FACTS, Fact, ListPrice, ModelFacts, Retirement
from agentflow.diagnostics import Code, Level
from agentflow.lint.engine import KNOWN
from agentflow.lint.mends import MENDS
from agentflow.lint.registry import RULES
from agentflow.lint.rule import Rule

if TYPE_CHECKING:
    from agentflow.lint.plugins import Plugins

__all__ = [
    "FAMILIES",
    "OURS",
    "Catalogue",
    "as_data",
    "explain",
    "facts_of",
    "index",
    "kind",
    "listed",
    "mended",
    "nearest",
    "pages",
    "with_plugins",
]

_FORMAT = 1

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


class Catalogue(NamedTuple):
    """The codes that somebody can meet."""

    codes: Mapping[str, Code]
    """By id."""
    rules: Mapping[str, Rule]
    """Those that are rules, by id."""
    families: Mapping[str, str]
    plugins: Mapping[str, str]
    """Distribution and version of the codes that are of a plugin, by id."""


OURS = Catalogue(KNOWN, {rule.code.id: rule for rule in RULES}, FAMILIES, {})


def with_plugins(plugins: Plugins) -> Catalogue:
    """The catalogue with the rules of plugins behind ours."""
    rules = {
        rule.code.id: (rule, str(plugin)) for plugin in plugins.loaded for rule in plugin.rules
    }
    families: dict[str, list[str]] = {}
    for rule, plugin in rules.values():
        owners = families.setdefault(rule.code.family, [])
        if plugin not in owners:
            owners.append(plugin)
    return Catalogue(
        {**OURS.codes, **plugins.codes()},
        {**OURS.rules, **{id: rule for id, (rule, _) in rules.items()}},
        {**FAMILIES, **{family: ", ".join(owners) for family, owners in families.items()}},
        {id: plugin for id, (_, plugin) in rules.items()},
    )


def _find(word: str, catalogue: Catalogue) -> Code | None:
    wanted = word.strip().casefold()
    codes = catalogue.codes.values()
    return next((code for code in codes if wanted in (code.id.casefold(), code.name)), None)


def listed(family: str, catalogue: Catalogue = OURS) -> list[Code]:
    """The codes of a family, in order."""
    codes = catalogue.codes
    return [codes[id] for id in sorted(codes) if codes[id].family == family]


def _meant(word: str | None, catalogue: Catalogue) -> list[Code]:
    """The codes that a word means: one, those of a family, or none. No word means all."""
    if word is None:
        return [code for family in catalogue.families for code in listed(family, catalogue)]
    code = _find(word, catalogue)
    return listed(word.strip().upper(), catalogue) if code is None else [code]


# As text


def explain(word: str, catalogue: Catalogue = OURS) -> str | None:
    """The page of a code or a name, or the codes of a family, as plain text. None: there is none."""
    code = _find(word, catalogue)
    return _listing(word.strip().upper(), catalogue) if code is None else _page(code, catalogue)


def pages(word: str | None, catalogue: Catalogue = OURS) -> str | None:
    """The page of every code that a word means. None: it means none. No word means all."""
    return "\n".join(_page(code, catalogue) for code in _meant(word, catalogue)) or None


def nearest(word: str, catalogue: Catalogue = OURS) -> str | None:
    """The code or name that was probably meant."""
    codes = catalogue.codes
    return names.nearest(word, [*codes, *(code.name for code in codes.values())])


def index(catalogue: Catalogue = OURS) -> str:
    """Every code with its name and title, one a line, by family."""
    lists = (_listing(family, catalogue) for family in catalogue.families)
    return "\n".join(text for text in lists if text)


def _page(code: Code, catalogue: Catalogue) -> str:
    rule = catalogue.rules.get(code.id)
    words = [kind(code, rule)]
    if code.id in catalogue.plugins:
        words.append(f"of {catalogue.plugins[code.id]}")
    parts = [f"{code.id} {code.name} ({', '.join(words)})", code.title, code.explanation]
    parts.append(mended(code))
    if rule is not None:
        parts += ["Bad:", _indented(rule.bad), "Good:", _indented(rule.good)]
    parts += [
        f"As of {fact.as_of}: {fact.claim}"
        + (f" This is disputed: {fact.contrary}" if fact.contrary else "")
        for fact in facts_of(code).values()
    ]
    if rule is not None:
        parts.append(_suppression(code))
    return "\n\n".join(part for part in parts if part) + "\n"


def _listing(family: str, catalogue: Catalogue) -> str | None:
    """The codes of a family, one a line. None: there are none."""
    codes = listed(family, catalogue)
    if not codes:
        return None
    width = max(len(code.name) for code in catalogue.codes.values())
    lines = [f"{code.id}  {code.name:<{width}}  {code.title}" for code in codes]
    return "\n".join([f"{family}: {catalogue.families[family]}", *lines]) + "\n"


def kind(code: Code, rule: Rule | None) -> str:
    """Severity, confidence and level, as in `warning, high confidence`."""
    words = [str(code.severity)]
    words += [f"{rule.confidence} confidence"] if rule else []
    words += [f"from level {code.level} on"] if code.level is not Level.REGULAR else []
    return ", ".join(words)


def mended(code: Code) -> str:
    """What `lint --fix` does about it; empty: nothing."""
    mend = MENDS.get(code.id)
    return f"Fix: {mend.safety}. {mend.does}" if mend else ""


def facts_of(code: Code) -> dict[str, Fact[object]]:
    """What the code takes the service to do, as far as that is dated; by id."""
    return {id: fact for id, fact in FACTS.items() if code.id in fact.codes}


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip("\n").split("\n"))


def _suppression(code: Code) -> str:
    return f"To allow it in one place: # agentflow: ignore[{code.id}] and the reason"


# As data


def as_data(word: str | None = None, catalogue: Catalogue = OURS) -> dict[str, Any] | None:
    """The codes that a word means, with all that is known of them; shape: schemas/catalogue.json.

    None: it means none. No word means all.
    """
    codes = _meant(word, catalogue)
    if not codes:
        return None
    entries = [_entry(code, catalogue) for code in sorted(codes, key=lambda code: code.id)]
    families = {entry["family"] for entry in entries}
    facts = {id: fact for code in codes for id, fact in facts_of(code).items()}
    return {
        "format": _FORMAT,
        "families": {id: text for id, text in catalogue.families.items() if id in families},
        "facts": {id: _fact(fact) for id, fact in FACTS.items() if id in facts},
        "codes": entries,
    }


def _entry(code: Code, catalogue: Catalogue) -> dict[str, Any]:
    rule = catalogue.rules.get(code.id)
    entry: dict[str, Any] = {
        "code": code.id,
        "name": code.name,
        "family": code.family,
        "severity": code.severity.value,
        "level": code.level.value,
        "title": code.title,
        "explanation": code.explanation,
        "rule": rule is not None,
        "fix": MENDS[code.id].safety if code.id in MENDS else None,
        "fix_does": MENDS[code.id].does if code.id in MENDS else None,
        "facts": list(facts_of(code)),
        "plugin": catalogue.plugins.get(code.id),
    }
    if rule is not None:
        entry |= {
            "confidence": rule.confidence,
            "since": rule.since,
            "bad": rule.bad,
            "good": rule.good,
        }
    return entry


def _fact(fact: Fact[object]) -> dict[str, Any]:
    return {
        "claim": fact.claim,
        "value": _plain(fact.value),
        "as_of": fact.as_of,
        "source": fact.source,
        "contrary": fact.contrary or None,
    }


def _plain(value: object) -> Any:
    """A value as JSON has it: what has names is an object, what is in a set is sorted."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, ModelFacts | Retirement | ListPrice):
        return value._asdict()
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value

"""The codes of the audit, for `agentflow explain` and for the guide."""

from __future__ import annotations

from collections.abc import Iterator

from agentflow.audit.finding import AUDITS, Audit

__all__ = ["FAMILIES", "explain_audit", "tables"]

FAMILIES = {
    "AU1": "Tools",
    "AU2": "Outputs",
    "AU3": "Tokens, cache and money",
    "AU4": "Waiting and people",
    "AU5": "Errors and ends",
    "AU6": "Safety",
    "AU7": "Policies",
    "AU8": "Versions",
}
"""Topic of the codes that begin so."""


def _audits() -> dict[str, Audit]:
    import agentflow.audit.checks  # noqa: F401  (it fills AUDITS)

    return AUDITS


def explain_audit(given: str) -> str | None:
    """The page of a code, or the list of a family. None: there is no such code."""
    wanted = given.upper()
    found = _audits().get(wanted)
    if found is not None:
        return f"{found.code} {found.name} ({found.severity.value})\n\n{found.title}\n" + (
            f"\n{found.explanation}\n" if found.explanation else ""
        )
    members = [one for code, one in sorted(_audits().items()) if code.startswith(wanted)]
    if wanted not in ("AU", *FAMILIES) or not members:
        return None
    return "\n".join(f"{one.code}  {one.name:<26} {one.title}" for one in members) + "\n"


def tables() -> Iterator[str]:
    """Lines of Markdown: every code by family."""
    for family, title in FAMILIES.items():
        yield f"### {title}"
        yield ""
        yield "| code | name | severity | finds |"
        yield "|---|---|---|---|"
        for code, one in sorted(_audits().items()):
            if code.startswith(family):
                yield f"| `{code}` | {one.name} | {one.severity.value} | {one.title} {one.explanation} |"
        yield ""
